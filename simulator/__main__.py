"""Run the simulator: python -m simulator [--as SERVER] [--port N] [--speed F] [--with-parent].

Prints one line of JSON with its URL when it is ready. Stops on SIGTERM and SIGINT, and with
--with-parent when its standard input closes, which the death of the parent causes too.

With --as it stands in for one server of open-weight models: its paths are at the root, by default
of the server's usual port, and nothing marks its responses, so `cogo up` takes it for the server.
"""

import argparse
import asyncio
import atexit
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial

from simulator.request import Vendor
from simulator.server import LONE_PORTS, run_simulator


def main() -> int:
    """Run until a signal and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    names = sorted(LONE_PORTS)
    parser.add_argument("--as", dest="alone", choices=names, help="be this server alone")
    parser.add_argument("--port", type=int, help="0 picks a free one, as without --as")
    parser.add_argument("--speed", type=float, default=1.0, help="2: twice as fast, 0: no waiting")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin closes")
    options = parser.parse_args()
    if options.speed < 0:
        parser.error("--speed must not be negative")
    alone = Vendor(options.alone) if options.alone else None
    port = options.port if options.port is not None else LONE_PORTS[alone] if alone else 0
    atexit.register(gc.freeze)  # or the interpreter searches all objects for garbage as it ends
    try:
        asyncio.run(_serve(port, options.speed, alone=alone, with_parent=options.with_parent))
    except OSError as error:
        sys.stderr.write(f"The simulator cannot use port {port}: {error.strerror}\n")
        return 1
    return 0


async def _serve(port: int, speed: float, *, alone: Vendor | None, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with run_simulator(port=port, speed=speed, alone=alone) as url:
        if alone is not None:
            sys.stderr.write(f"This is not {alone}: COGO's simulator of it is at {url}\n")
        if with_parent:
            # A daemon thread, since a blocking read must not keep the process alive; and the raw
            # descriptor, since the interpreter cannot exit while sys.stdin is locked.
            on_end = partial(loop.call_soon_threadsafe, stop.set)
            threading.Thread(target=_wait_for_end, args=(0, on_end), daemon=True).start()
        sys.stdout.write(json.dumps({"url": url}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _wait_for_end(stdin: int, on_end: Callable[[], None]) -> None:
    while os.read(stdin, 4096):
        pass
    on_end()


if __name__ == "__main__":
    sys.exit(main())
