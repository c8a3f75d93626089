"""Modules that run in a fork: like a program of their own, with the modules of their parent."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cogo.process.fork import IS_FORKABLE

pytestmark = pytest.mark.skipif(not IS_FORKABLE, reason="this system starts programs instead")

PARENT = """
import asyncio, json, os, socket, sys
sys.path[:0] = [os.getcwd(), os.path.dirname(__file__)]
from datetime import timedelta
from pathlib import Path

from cogo.supervisor.child import Child, Spec

MARK = "of the parent"

async def main() -> None:
    kept = socket.socket()  # a descriptor that the fork must not hold
    await asyncio.to_thread(sum, ())  # another thread, as `cogo up` has them
    spec = Spec(
        name="forked", arguments=("-P", "-m", "forked", *sys.argv[2:]), log=Path(sys.argv[1]),
        patience=timedelta(seconds=5), is_fork=True,
    )
    async with Child(spec) as child:
        child.send_line("a bootstrap")
        said = await child.wait_ready()
        title = Path(f"/proc/{child.pid}/cmdline").read_text().rstrip(chr(0)).split(chr(0))
        descriptors = sorted(os.listdir(f"/proc/{child.pid}/fd"), key=int)
        child.send_line("go on")
        code = await child.wait()
    print(json.dumps({**said, "pid": child.pid, "title": title, "code": code,
                      "descriptors": descriptors, "last": child.read_last_line()}))

asyncio.run(main())
"""
FORKED = """
import asyncio, gc, json, os, signal, sys
import __main__

async def main() -> None:
    bootstrap = sys.stdin.readline()
    handled = [signal.getsignal(n).name for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)]
    print(json.dumps({
        "arguments": sys.argv[1:], "bootstrap": bootstrap, "own_pid": os.getpid(),
        "session": os.getsid(0), "collects": gc.isenabled(), "handled": handled,
        "shared": "pydantic" in sys.modules, "is_main": hasattr(__main__, "FORKED"),
    }), flush=True)
    sys.stdin.readline()

FORKED = True
asyncio.run(main())
sys.stderr.write("about to end\\n")
sys.exit("a sentence" if sys.argv[1] == "sentence" else int(sys.argv[1]))
"""


def run_parent(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    (tmp_path / "forked.py").write_text(FORKED, "utf-8")
    (tmp_path / "parent.py").write_text(PARENT, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-P", tmp_path / "parent.py", tmp_path / "log", *arguments],
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_fork_is_as_if_started_by_itself_and_shares_what_is_imported(tmp_path: Path) -> None:
    found = run_parent(tmp_path, "0", "--flag")

    assert found["arguments"] == ["0", "--flag"]
    assert found["bootstrap"] == "a bootstrap\n"
    assert found["own_pid"] == found["session"] == found["pid"]
    assert found["title"] == ["forked", "0", "--flag"]
    assert found["collects"]
    assert found["handled"] == ["SIG_DFL", "SIG_DFL", "SIG_IGN"]
    assert found["shared"]
    assert found["is_main"]
    assert found["code"] == 0


def test_a_fork_holds_no_descriptor_of_its_parent(tmp_path: Path) -> None:
    """One that it held would keep the parent's pipes open, by which others notice its death."""
    opened = set(run_parent(tmp_path, "0")["descriptors"])

    own = 3  # of its event loop: the selector and a pair of sockets
    assert {"0", "1", "2"} <= opened
    assert len(opened) <= 3 + own


def test_a_fork_reports_its_exit_code_and_writes_to_its_own_log(tmp_path: Path) -> None:
    found = run_parent(tmp_path, "78")

    assert found["code"] == 78
    assert found["last"] == "about to end"


def test_an_error_of_a_fork_is_in_its_log(tmp_path: Path) -> None:
    found = run_parent(tmp_path, "not a number")

    assert found["code"] == 1
    assert found["last"].startswith("ValueError")


def test_the_message_of_an_exit_is_written_as_the_interpreter_does(tmp_path: Path) -> None:
    found = run_parent(tmp_path, "sentence")

    assert (found["code"], found["last"]) == (1, "a sentence")
