"""Runs the simulator: python -m simulator [--port N] [--speed F] [--with-parent].

Prints one line of JSON with its URL when it is ready. Stops on SIGTERM and SIGINT, and with
--with-parent when its standard input closes, as it does when the parent dies by whatever cause.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial

from simulator.server import running_simulator


def main() -> int:
    """Run until told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (the default)")
    parser.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast, 0 no waits")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin closes")
    options = parser.parse_args()
    if options.speed < 0:
        parser.error("--speed must not be negative")
    try:
        asyncio.run(_serve(options.port, options.speed, with_parent=options.with_parent))
    except OSError as error:
        sys.stderr.write(f"The simulator cannot use port {options.port}: {error.strerror}\n")
        return 1
    return 0


async def _serve(port: int, speed: float, *, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_simulator(port=port, speed=speed) as url:
        if with_parent:
            # A daemon thread, as a read that blocks must not keep the process alive; and the
            # descriptor itself, as the interpreter cannot exit while sys.stdin is locked.
            closed = partial(loop.call_soon_threadsafe, stop.set)
            threading.Thread(target=_wait_for_end, args=(0, closed), daemon=True).start()
        sys.stdout.write(json.dumps({"url": url}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _wait_for_end(stdin: int, closed: Callable[[], None]) -> None:
    while os.read(stdin, 4096):
        pass
    closed()


if __name__ == "__main__":
    sys.exit(main())
