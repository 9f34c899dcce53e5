"""Which kinds of channel have a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.standins.custom import CustomStandin
from tui_inbox.standins.email import EmailStandin
from tui_inbox.standins.instagram import InstagramStandin
from tui_inbox.standins.line import LineStandin
from tui_inbox.standins.messenger import MessengerStandin
from tui_inbox.standins.platform import Platform
from tui_inbox.standins.sms import SmsStandin
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import ChannelState
from tui_inbox.standins.telegram import TelegramStandin
from tui_inbox.standins.tiktok import TikTokStandin
from tui_inbox.standins.viber import ViberStandin
from tui_inbox.standins.wechat import WeChatStandin
from tui_inbox.standins.whatsapp import WhatsAppStandin
from tui_inbox.standins.whatsapp_360dialog import WhatsApp360dialogStandin
from tui_inbox.standins.whatsapp_twilio import WhatsAppTwilioStandin
from tui_inbox.standins.x import XStandin

PLATFORMS: Mapping[ChannelKind, Callable[[ChannelState, Specs | None], Platform]] = {
    ChannelKind.TELEGRAM: TelegramStandin,
    ChannelKind.WHATSAPP: WhatsAppStandin,
    ChannelKind.INSTAGRAM: InstagramStandin,
    ChannelKind.LINE: LineStandin,
    ChannelKind.MESSENGER: MessengerStandin,
    ChannelKind.SMS: SmsStandin,
    ChannelKind.WHATSAPP_TWILIO: WhatsAppTwilioStandin,
    ChannelKind.WHATSAPP_360DIALOG: WhatsApp360dialogStandin,
    ChannelKind.VIBER: ViberStandin,
    ChannelKind.WECHAT: WeChatStandin,
    ChannelKind.TIKTOK: TikTokStandin,
    ChannelKind.X: XStandin,
    ChannelKind.EMAIL: EmailStandin,
    ChannelKind.CUSTOM: CustomStandin,
}
"""One for every kind that somebody else runs; the website chat is our own."""
