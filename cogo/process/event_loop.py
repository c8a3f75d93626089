"""The event loop of agents."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any


def run_on_fast_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` on uvloop, which needs less time for each message, where it exists."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # noqa: PLC0415 - does not exist everywhere

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
