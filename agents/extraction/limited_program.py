"""The loop of a program that answers lines of JSON with limits of time and memory.

Such a program does what may take excessive time and memory, and may be killed for it (see
`agents.runtime.json_process`).
"""

import contextlib
import json
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

MEMORY_BYTES: Final = 1 << 30
"""Memory limit of the process; parsers need about a hundred times the size of their input."""


def answer_requests(answer: Callable[..., Any]) -> None:
    """Answer requests `[CPU seconds, argument, ...]` from stdin until it is closed.

    What takes more CPU time ends the process, even inside code that is no Python.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    with contextlib.suppress(ValueError):  # some systems do not support memory limits
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        seconds, *arguments = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answered = answer(*arguments)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(answered) + "\n")
        sys.stdout.flush()
