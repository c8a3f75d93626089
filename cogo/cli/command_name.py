"""The command: how the person called this program, for lines that are to be copied."""

import os
import re
import shlex
import shutil
from pathlib import Path


def command_path() -> str:
    """Return what to type for this program, quoted for a shell.

    The launcher says how it was called; when the search path finds it, its name is enough.
    """
    # Not a setting: `.env` has no say, and `--help` must not pay for reading it.
    called = os.environ.get("COGO_COMMAND")  # noqa: TID251
    if not called:
        return "cogo"
    found = shutil.which(Path(called).name)
    if found and Path(found).absolute() == Path(called).absolute():
        called = Path(called).name
    return shlex.quote(called)


def typed(text: str) -> str:
    """Return the text with `cogo ...` in backquotes as this person must type it."""
    return re.sub(r"`cogo(?=[ `])", lambda _: f"`{command_path()}", text)


def typed_example(line: str) -> str:
    """Return a whole command line of help as this person must type it."""
    return re.sub(r"(?<![\w./-])cogo(?= )", lambda _: command_path(), line, count=1)
