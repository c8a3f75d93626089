"""Runs `cogo` on a terminal: in a fork whose standard streams are a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from rich.cells import cell_len

from cogo.cli.app import run

_ROWS: Final = 50
_SECONDS: Final = 120
_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CTRL_C: Final = b"\x03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a command has shown on a terminal, and its exit code."""

    code: int
    text: str
    """Everything that was written, one after the other, without escape sequences."""

    @property
    def width(self) -> int:
        """The columns of the widest line."""
        return max(map(cell_len, self.text.splitlines()), default=0)


def run_on_terminal(
    arguments: Sequence[str], *, columns: int = 80, ctrl_c_after: str | None = None
) -> Shown:
    """Run a command to its end, and press Ctrl-C once it has shown a text."""
    pid, terminal = pty.fork()
    if pid == 0:
        _become(arguments, columns)
    written = b""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            written += os.read(terminal, 65536)
        except OSError:  # as Linux says that the other end is closed
            break
        if ctrl_c_after is not None and ctrl_c_after in strip_sequences(written):
            ctrl_c_after = None
            os.write(terminal, _CTRL_C)
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Shown(code=code, text=strip_sequences(written))


def _become(arguments: Sequence[str], columns: int) -> NoReturn:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    os.environ["TERM"] = "xterm"  # noqa: TID251
    os.environ.pop("COLUMNS", None)  # noqa: TID251
    code = 1
    try:
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        code = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def strip_sequences(written: bytes) -> str:
    """Return the text without escape sequences, and a line for each time it was drawn."""
    text = written.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _SEQUENCE.sub("", text)
