"""Runs `cogo` as a person does: a process of its own, with an environment of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_SECONDS = 180
"""Longer than what `cogo` allows a start: its own words come first."""
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV")


def environment(home: Path, **variables: str) -> dict[str, str]:
    """An environment without keys and without a project, whatever the developer has set."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251
    return kept | {"HOME": str(home), "COGO_ENV_FILE": os.devnull} | variables


def cogo(*arguments: str, home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end, in the directory `home`."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cogo", *arguments],
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        cwd=home,
        env=environment(home, **variables),
        check=False,
    )


@dataclass(frozen=True)
class Up:
    """A running `cogo up`."""

    process: "subprocess.Popen[str]"
    answer: dict[str, Any]
    """What it said when it was ready."""

    def stop(self, number: signal.Signals = signal.SIGTERM, *, within: float = 120) -> int:
        """Send a signal; give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=within)


@contextmanager
def cogo_up(*arguments: str, home: Path, **variables: str) -> Iterator[Up]:
    """Run `cogo up --json` on `home`/.cogo until the block ends."""
    command = [sys.executable, "-P", "-m", "cogo", "up", "--json", "--dir", str(home / ".cogo")]
    with subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env=environment(home, **variables),
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
