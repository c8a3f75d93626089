"""Run the embedded server until a signal: `python -m embedded --dir DIR [--port N]`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from embedded.errors import CannotStart
from embedded.binding import WARNING, is_loopback, require_loopback
from embedded.log_lines import LineFormatter

_log = logging.getLogger(__name__)


def main() -> None:
    """Exit code 0 after a stop by signal, 1 with one line when it cannot start."""
    arguments = _parser().parse_args()
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(arguments))
    except CannotStart as error:
        sys.exit(str(error))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Half of what the server does is moving bytes, where uvloop is twice as fast."""
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - does not exist everywhere

    return uvloop.new_event_loop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m embedded", description="A Supabase-compatible server on loopback."
    )
    parser.add_argument("--dir", type=Path, required=True, help="state directory")
    ports = parser.add_mutually_exclusive_group()
    ports.add_argument("--port", type=_port, help="default: 54321, or the next free one")
    ports.add_argument("--prefer-port", type=_port, help="this one unless it is in use")
    parser.add_argument(
        "--ready-fd",
        type=int,
        help="file descriptor that gets the state as one JSON line when requests are answered",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--allow-remote", action="store_true", help="let other machines reach --host"
    )
    parser.add_argument("--faults", action="store_true", help="take orders for trouble, for tests")
    parser.add_argument(
        "--hosted-limits", action="store_true", help="hold Realtime to the rates of the Free plan"
    )
    parser.add_argument(
        "--legacy-grants",
        action=argparse.BooleanOptionalAction,
        help="grant new tables and functions of public to the roles of the API, as projects before"
        " October 2026 do; kept until --no-legacy-grants",
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    # After the signal handlers: importing the web stack takes a while, and a signal may come early.
    from embedded.realtime.limits import HOSTED  # noqa: PLC0415
    from embedded.service import run_server  # noqa: PLC0415

    if arguments.allow_remote and not is_loopback(arguments.host):
        _log.warning(WARNING)
    elif not arguments.allow_remote:
        require_loopback(arguments.host)
    async with run_server(
        arguments.dir,
        port=arguments.prefer_port if arguments.port is None else arguments.port,
        is_port_firm=arguments.prefer_port is None,
        host=arguments.host,
        with_faults=arguments.faults,
        limits=HOSTED if arguments.hosted_limits else None,
        legacy_grants=arguments.legacy_grants,
    ) as state:
        if arguments.ready_fd is not None:
            with os.fdopen(os.dup(arguments.ready_fd), "w") as ready:
                ready.write(json.dumps(asdict(state)) + "\n")
        await stop.wait()


if __name__ == "__main__":
    main()
