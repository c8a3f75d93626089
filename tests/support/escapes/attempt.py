"""One attempt to get out of a sandbox, and what is expected of a run that makes it."""

from dataclasses import dataclass, field
from typing import Final

from agents.sandbox.job import Hit, RunLimits

ESCAPED: Final = "ESCAPED"
"""A program prints it, and what it could do, for each thing that must be impossible."""
HELD: Final = "HELD"
"""A program prints it when it has tried everything; without it nothing is known."""

PRELUDE: Final = f'''
import ctypes, json, os, socket, sys, time
bait = json.loads(os.environ["BAIT"])
calls = bait["calls"]
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    """Make a system call, and raise OSError where it fails."""
    got = libc.syscall(ctypes.c_long(calls[name]), *[
        ctypes.c_long(each) if isinstance(each, int) else each for each in arguments
    ])
    if got < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return got

def refuse(what, action, *arguments):
    """Print what an action could do, unless it fails."""
    try:
        got = action(*arguments)
    except (OSError, OverflowError, ValueError) as error:
        return error
    print("{ESCAPED}", what, repr(got)[:200], flush=True)

def held():
    print("{HELD}", flush=True)

'''


@dataclass(frozen=True, slots=True)
class Attempt:
    """A program of Python that tries to get out.

    Without `hit` it must end with HELD; with `hit` this limit must have ended it.
    """

    name: str
    program: str
    hit: tuple[Hit, ...] = ()
    limits: RunLimits = field(default_factory=lambda: RunLimits(wall_seconds=20))
    collect: tuple[str, ...] = ()
    may_see: str = ""
    """Text that what it collects may hold; by default it may collect nothing."""
