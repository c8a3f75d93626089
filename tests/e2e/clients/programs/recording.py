"""Runs the examples of a client against the gateway and prints what each of them gave."""

import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

URL, IMAGE = sys.argv[1:]
"""The gateway's URL with `/v1`, and a PNG file as base64."""
KEY: Final = "any"

Example = Callable[[], Any]

_examples: Final[list[Example]] = []


def example(function: Example) -> Example:
    """Record what the function returns, or the coroutine gives, by its name."""
    _examples.append(function)
    return function


def run_examples() -> None:
    """Run all examples at once and print a line for each: what it gave, or how it failed."""
    lines, sys.stdout = sys.stdout, sys.stderr  # clients print advice

    async def run(function: Example) -> None:
        line: dict[str, Any] = {"name": function.__name__}
        try:
            is_async = inspect.iscoroutinefunction(function)
            line["gave"] = await (function() if is_async else asyncio.to_thread(function))
        except Exception:  # noqa: BLE001 - it is the result of this example
            line["error"] = traceback.format_exc()
        print(json.dumps(line), file=lines, flush=True)

    async def run_all() -> None:
        async with asyncio.TaskGroup() as group:
            for each in _examples:
                group.create_task(run(each))

    asyncio.run(run_all())
