"""``python -m tui_inbox.standins CONFIG.json [--until-stdin-closes]``: serve, print ``ready PORT``, until a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from pathlib import Path

from tui_inbox.domain.errors import UsageError
from tui_inbox.standins.config import StandinConfig, read_config
from tui_inbox.standins.server import Host, run

UNTIL_STDIN_CLOSES = "--until-stdin-closes"
"""Stop when the process that started this one is gone."""


def main(arguments: list[str]) -> int:
    """Serve; exit code 2 for wrong input, 1 when the port cannot be had."""
    flags = [argument for argument in arguments if argument.startswith("--")]
    paths = [argument for argument in arguments if not argument.startswith("--")]
    if len(paths) != 1 or set(flags) - {UNTIL_STDIN_CLOSES}:
        print("usage: python -m tui_inbox.standins CONFIG.json [--until-stdin-closes]", file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(level=logging.WARNING)
    try:
        config = read_config(Path(paths[0]))
        asyncio.run(_serve(config, bool(flags)))
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201  (a process of its own, that speaks on its standard streams)
        return 2
    except OSError as error:
        print(f"The stand-ins cannot listen on port {config.port}: {error.strerror}.", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(config: StandinConfig, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    if until_stdin_closes:
        loop = asyncio.get_running_loop()

        def watch() -> None:
            # Not by sys.stdin, whose lock a thread must not hold while the interpreter ends.
            while os.read(0, 1024):
                pass
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=watch, daemon=True).start()
    await run(config, ready=_tell, stop=stop)


def _tell(port: int, _host: Host) -> None:
    print(f"ready {port}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
