"""The control API: what tests and the demo do to a stand-in from outside, under ``/_standin/NAME/``.

=========================  ===========================================================================================
``GET accepted``           every message taken, in order (``?after=N`` leaves out the first N)
``GET refused``            status and body of every refusal
``GET webhooks``           every webhook posted: body, attempts, last status, delivered
``GET members``            the customers as the channel knows them
``POST say``               a customer writes: ``address``, ``text``, ``name``, ``username``, ``at`` (ISO 8601)
``POST say_file``          a customer sends a file: ``address``, ``text``, ``name``, ``media_type``, ``content``
``POST event``             a webhook as given in ``body`` (an object, or text to be signed byte by byte)
``POST again``             the ``last`` webhooks once more; with ``backwards`` in the opposite order
``POST fault``             the next ``count`` sends go wrong: see :class:`tui_inbox.standins.state.Fault`
``POST faults/clear``      no more faults
``POST window``            when the customer last wrote: ``address``, ``last_inbound_at`` or ``seconds_ago``
``POST members``           ``address``, ``name``, ``started``, ``blocked``
``POST webhook_url``       where webhooks go from now on: ``url``
``POST settled``           answers when every webhook so far has been delivered, also those that sends bring about
=========================  ===========================================================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tui_inbox.standins.channel import Channel
from tui_inbox.standins.files import StoredFile
from tui_inbox.standins.state import Fault

PREFIX = "/_standin"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Say(_Body):
    """Body of ``say``."""

    address: str
    text: str
    name: str = ""
    username: str = ""
    at: AwareDatetime | None = None


class SayFile(_Body):
    """Body of ``say_file``; ``content`` is in base 64."""

    address: str
    text: str = ""
    name: str
    media_type: str
    content: Base64Bytes


class Window(_Body):
    """Body of ``window``."""

    address: str
    last_inbound_at: AwareDatetime | None = None
    seconds_ago: float | None = None


class MemberChange(_Body):
    """Body of ``members``."""

    address: str
    name: str | None = None
    started: bool | None = None
    blocked: bool | None = None


class Event(_Body):
    """Body of ``event``."""

    body: dict[str, Any] | str


class Again(_Body):
    """Body of ``again``."""

    last: int = Field(default=1, ge=1)
    backwards: bool = False


class WebhookUrl(_Body):
    """Body of ``webhook_url``."""

    url: str


def routes(channels: Mapping[str, Channel]) -> list[Route]:
    """The routes of the control API."""

    def bind(handler: Callable[[Channel, Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            channel = channels.get(request.path_params["name"])
            if channel is None:
                return JSONResponse({"error": f"no such channel; known: {', '.join(channels)}"}, 404)
            try:
                return JSONResponse(await handler(channel, request))
            except ValidationError as error:
                return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, 400)

        return endpoint

    get: dict[str, Callable[[Channel, Request], Awaitable[Any]]] = {
        "accepted": _accepted,
        "refused": _refused,
        "webhooks": _webhooks,
        "members": _members,
    }
    post: dict[str, Callable[[Channel, Request], Awaitable[Any]]] = {
        "say": _say,
        "say_file": _say_file,
        "event": _event,
        "again": _again,
        "fault": _fault,
        "faults/clear": _clear_faults,
        "window": _window,
        "members": _change_member,
        "webhook_url": _webhook_url,
        "settled": _settled,
    }
    found = [Route(f"{PREFIX}/{{name}}/{path}", bind(handler), methods=["GET"]) for path, handler in get.items()]
    found += [Route(f"{PREFIX}/{{name}}/{path}", bind(handler), methods=["POST"]) for path, handler in post.items()]
    return found


async def _accepted(channel: Channel, request: Request) -> Any:
    after = request.query_params.get("after", "0")
    return [message.row() for message in channel.state.accepted[int(after) if after.isdigit() else 0 :]]


async def _refused(channel: Channel, _request: Request) -> Any:
    return channel.state.refused


async def _webhooks(channel: Channel, _request: Request) -> Any:
    return [webhook.row() for webhook in channel.poster.past]


async def _members(channel: Channel, _request: Request) -> Any:
    return [member.model_dump(mode="json") for member in channel.state.members.values()]


async def _say(channel: Channel, request: Request) -> Any:
    told = Say.model_validate_json(await request.body())
    channel.say(told.address, told.text, name=told.name, username=told.username, at=told.at)
    return {"ok": True}


async def _say_file(channel: Channel, request: Request) -> Any:
    told = SayFile.model_validate_json(await request.body())
    file = StoredFile("", told.name, told.media_type, told.content)
    channel.say_file(told.address, told.text, file, str(request.base_url).rstrip("/"))
    return {"ok": True}


async def _event(channel: Channel, request: Request) -> Any:
    event = Event.model_validate_json(await request.body())
    if isinstance(event.body, str):
        channel.poster.post_bytes(event.body.encode())
    else:
        channel.poster.post(event.body)
    return {"ok": True}


async def _again(channel: Channel, request: Request) -> Any:
    told = Again.model_validate_json(await request.body())
    channel.poster.again(told.last, backwards=told.backwards)
    return {"ok": True}


async def _fault(channel: Channel, request: Request) -> Any:
    channel.state.faults.append(Fault.model_validate_json(await request.body()))
    return {"ok": True}


async def _clear_faults(channel: Channel, _request: Request) -> Any:
    channel.state.faults.clear()
    return {"ok": True}


async def _window(channel: Channel, request: Request) -> Any:
    told = Window.model_validate_json(await request.body())
    channel.set_window(told.address, told.last_inbound_at, told.seconds_ago)
    return {"ok": True}


async def _change_member(channel: Channel, request: Request) -> Any:
    told = MemberChange.model_validate_json(await request.body())
    channel.set_member(told.address, name=told.name, started=told.started, blocked=told.blocked)
    return {"ok": True}


async def _webhook_url(channel: Channel, request: Request) -> Any:
    channel.poster.url = WebhookUrl.model_validate_json(await request.body()).url
    return {"ok": True}


async def _settled(channel: Channel, _request: Request) -> Any:
    await channel.settled()
    return {"ok": True}
