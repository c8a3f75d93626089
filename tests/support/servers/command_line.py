"""Runs `cogo` as a person does: a process of its own, with an environment of its own."""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.processes import find_process

READY_SECONDS = 180
"""Longer than what `cogo` allows a start: its own words come first."""
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV")
CACHE: Final = Path(tempfile.gettempdir()) / f"cogo-tests-{os.getuid()}"
"""One cache for all tests: toolchains of the sandbox, which are built once for each version."""


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment without the developer's keys and project."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251
    shared = {"XDG_CACHE_HOME": str(CACHE), "COGO_ENV_FILE": os.devnull}
    return kept | {"HOME": str(home)} | shared | variables


def heed_interrupts() -> None:
    """Undo, in a child before it begins, that the shell of a background job ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def cogo(*arguments: str, home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end in the directory `home`, in a fork that has its imports done."""
    server = _servers.pop() if _servers else _CommandServer()
    ended = server.run(arguments, home, environment(home, **variables))
    _servers.append(server)
    return ended


def cogo_program(
    *arguments: str, home: Path, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run one command as `cogo` does, in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cogo", *arguments],
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        cwd=home,
        env=environment(home, **variables),
        check=False,
    )


class _CommandServer:
    """Runs one command after the other; see command_server.py."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("command_server.py")
        self._process = subprocess.Popen(
            [sys.executable, "-P", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(Path.home()),
            start_new_session=True,
        )
        atexit.register(self._stop)

    def run(
        self, arguments: Sequence[str], home: Path, variables: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
            request = {
                "arguments": arguments,
                "directory": str(home),
                "environment": variables,
                "stdout": out.name,
                "stderr": err.name,
            }
            self._process.stdin.write(f"{json.dumps(request)}\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], READY_SECONDS)[0]:
                os.killpg(self._process.pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), READY_SECONDS, out.read())
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, out.read(), err.read())

    def _stop(self) -> None:
        self._process.communicate()


_servers: Final[list[_CommandServer]] = []
"""Those that run no command."""


@dataclass(frozen=True)
class Up:
    """A running `cogo up`."""

    process: "subprocess.Popen[str]"
    answer: dict[str, Any]
    """What it said when it was ready."""

    def find_process(self, *words: str) -> int:
        """Return the id of its process that runs now and was started with these words."""
        return find_process(self.process.pid, *words)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, within: float = 120) -> int:
        """Send a signal; give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=within)


@contextmanager
def cogo_up(*arguments: str, home: Path, **variables: str) -> Iterator[Up]:
    """Run `cogo up --json` on `home`/.cogo until the block ends."""
    # A run that is killed leaves no system.
    command = [sys.executable, "-P", "-m", "cogo.process.parent_watch", "cogo", "up", "--json"]
    with subprocess.Popen(
        [*command, "--dir", str(home / ".cogo"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env=environment(home, **variables),
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                assert process.stderr is not None
                logs = sorted((home / ".cogo" / "logs").glob("*.log"))
                tails = "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs)
                raise AssertionError(f"not up: {process.stderr.read()}\n{tails}")
            yield Up(process, json.loads(line))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=READY_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
