"""Run the embedded server until a signal: `python -m embedded --dir DIR [--port N]`."""

import argparse
import asyncio
import atexit
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from embedded.binding import REMOTE_WARNING, is_loopback, require_loopback
from embedded.errors import CannotStart

_log = logging.getLogger(__name__)
_GC_THRESHOLD: Final = 50_000
"""With Python's default of 700, collections take a tenth of the start-up time."""


def main() -> None:
    """Exit with code 0 after a stop by signal, 1 with a message if the server cannot start."""
    arguments = _build_parser().parse_args()
    gc.set_threshold(_GC_THRESHOLD)
    atexit.register(gc.freeze)  # or the interpreter searches all objects for garbage as it ends
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=_choose_loop()) as runner:
            runner.run(_run(arguments))
    except CannotStart as error:
        sys.exit(str(error))


class LineFormatter(logging.Formatter):
    """Formatter that escapes control and direction characters and keeps messages on one line.

    Errors repeat text of users, which must not control a terminal.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line of a record, without the traceback."""
        return _escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - as above
        """Return the traceback of a record."""
        return _escape(super().formatException(ei), keep="\n\t")


def _escape(text: str, *, keep: str = "") -> str:
    return "".join(
        each
        if each.isprintable() or each in keep
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def _choose_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of uvloop, which moves bytes twice as fast, where it exists."""
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - does not exist everywhere

    return uvloop.new_event_loop


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m embedded", description="A Supabase-compatible server on loopback."
    )
    parser.add_argument("--dir", type=Path, required=True, help="state directory")
    parser.add_argument(
        "--port",
        type=_parse_port,
        help="default: that of the last run, or one from 54321 on",
    )
    parser.add_argument(
        "--ready-fd",
        type=int,
        help="file descriptor to write the state to, as one line of JSON, when the server is ready",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--allow-remote", action="store_true", help="let other machines reach --host"
    )
    parser.add_argument("--faults", action="store_true", help="accept fault plans, for tests")
    parser.add_argument(
        "--hosted-limits",
        action="store_true",
        help="apply the rate limits of the Free plan to Realtime",
    )
    parser.add_argument(
        "--legacy-grants",
        action=argparse.BooleanOptionalAction,
        help="grant new tables and functions of public to the roles of the API, as in projects from"
        " before October 2026; in force until --no-legacy-grants",
    )
    return parser


def _parse_port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    # After the signal handlers, since importing the web stack takes a while.
    from embedded.realtime.limits import HOSTED  # noqa: PLC0415
    from embedded.service import run_server  # noqa: PLC0415

    if arguments.allow_remote and not is_loopback(arguments.host):
        _log.warning(REMOTE_WARNING)
    elif not arguments.allow_remote:
        require_loopback(arguments.host)
    async with run_server(
        arguments.dir,
        port=arguments.port,
        host=arguments.host,
        with_faults=arguments.faults,
        limits=HOSTED if arguments.hosted_limits else None,
        legacy_grants=arguments.legacy_grants,
    ) as state:
        if arguments.ready_fd is not None:
            with os.fdopen(os.dup(arguments.ready_fd), "w") as ready:
                ready.write(json.dumps(asdict(state)) + "\n")
        gc.freeze()  # what was loaded stays: no collection during requests needs to search it
        await stop.wait()


if __name__ == "__main__":
    main()
