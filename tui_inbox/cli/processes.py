"""``deliver``, ``serve`` and ``poll``: the processes that send and receive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tui_inbox.cli.output import emit_record, json_option
from tui_inbox.cli.session import Session, common_options, tell

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.domain.models import Channel
    from tui_inbox.server.processes import ParentWatch

PARENT_EVERY = 1.0
"""Seconds between two looks at whether the process that started us is still there."""


@click.command()
@click.option("--once", is_flag=True, help="Send what is due and end.")
@click.option("--until-parent-exits", "parent", type=int, metavar="PID", help="End when this process is gone.")
@common_options
@click.pass_obj
def deliver(session: Session, once: bool, parent: int | None) -> None:
    """Send what is queued and fetch customers' files, until stopped."""
    session.log_role = "deliver"

    async def work(services: Services) -> None:
        from tui_inbox.domain.clock import system_clock
        from tui_inbox.server.processes import run_sender, worker_name
        from tui_inbox.server.run import stop_on_signals

        if once:
            delivery = services.make_delivery(worker_name(system_clock))
            while await delivery.run_once():
                pass
            while await services.fetching.run_once():
                pass
            return
        stop = asyncio.Event()
        with stop_on_signals(stop):
            await run_sender(services, system_clock, stop, parent=parent)

    session.run(work)


async def _stop_after(watch: ParentWatch, stop: asyncio.Event) -> None:
    while not watch.gone:  # noqa: ASYNC110  # nobody tells us when another process ends
        await asyncio.sleep(PARENT_EVERY)
    stop.set()


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port to listen on; 0 = any free one.")
@click.option("--until-parent-exits", "parent", type=int, metavar="PID", help="End when this process is gone.")
@common_options
@click.pass_obj
def serve(session: Session, host: str | None, port: int | None, parent: int | None) -> None:
    """Receive webhooks, until stopped. Prints the port once it listens."""
    session.log_role = "serve"

    def ready(actual: int) -> None:
        click.echo(actual)

    async def work(services: Services) -> None:
        from tui_inbox.server.processes import ParentWatch
        from tui_inbox.server.run import run_receiver, stop_on_signals

        place = host or services.settings.serve.host
        wanted = services.settings.serve.port if port is None else port
        stop = asyncio.Event()
        watching = asyncio.create_task(_stop_after(ParentWatch(parent), stop)) if parent is not None else None
        with stop_on_signals(stop):
            tell(f"listening for webhooks on {place}; stop with ctrl+c")
            await run_receiver(services, place, wanted, ready=ready, stop=stop)
        if watching is not None:
            watching.cancel()

    session.run(work)


@click.command()
@click.option("--once", is_flag=True, help="Ask each channel once, print how much came, and end.")
@click.option("--channel", "name", default="", metavar="NAME", help="Ask this channel alone.")
@click.option("--until-parent-exits", "parent", type=int, metavar="PID", help="End when this process is gone.")
@json_option
@common_options
@click.pass_obj
def poll(session: Session, once: bool, name: str, parent: int | None, as_json: bool) -> None:
    """Ask mailboxes, and Telegram bots without a webhook, for news, until stopped."""
    session.log_role = "poll"

    async def work(services: Services) -> None:
        from tui_inbox.server.processes import ParentWatch
        from tui_inbox.server.run import stop_on_signals

        channels = await services.polling.channels(name)
        if once:
            await _ask_once(services, channels, as_json=as_json)
            return
        stop = asyncio.Event()
        watching = asyncio.create_task(_stop_after(ParentWatch(parent), stop)) if parent is not None else None
        with stop_on_signals(stop):
            tell(f"asking {', '.join(item.name for item in channels) or 'no channel yet'}; stop with ctrl+c")
            await services.polling.run(stop, name)
        if watching is not None:
            watching.cancel()

    session.run(work)


async def _ask_once(services: Services, channels: Sequence[Channel], *, as_json: bool) -> None:
    """Each channel once; raises :class:`InboxError` at the end when one could not be asked."""
    from tui_inbox.channels.port import PollError
    from tui_inbox.domain.errors import InboxError

    failed = []
    for channel in channels:
        try:
            came = await services.polling.poll(channel)
            emit_record({"channel": channel.name, "came": came}, as_json=as_json, sentence=f"{channel.name}: {came}")
        except PollError as error:
            failed.append(f"{channel.name}: {error}")
    if failed:
        raise InboxError(" ".join(failed))
