"""Supervision of a run: a process that the tested code cannot reach takes down what is reported.

It prints lines of JSON that begin with a secret. The secret is read, and its file removed, before
the tested code runs; the code's own processes report over a pipe, with a key.
"""

import ast
import json
import os
import select
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

MANIFEST: Final = ".cogo-run.json"
NONCE_FILE: Final = ".cogo-nonce"
MAX_LINE: Final = 1 << 16
MAX_FAILURES: Final = 20
PR_SET_DUMPABLE: Final = 4
QUIET_SECONDS: Final = 0.5


class RunState:
    """What is known of the run; the last line that was printed counts."""

    def __init__(self, expected: list[str]) -> None:
        self.expected = expected
        self.found: list[str] = []
        self.results: dict[str, str] = {}
        self.failures: list[dict[str, str]] = []
        self.problem: dict[str, str] | None = None
        self.running: str | None = None
        self.with_cases: set[str] = set()
        self.is_ended = False
        self.is_changed = False

    def add(self, parts: Any) -> None:
        """Take one message of the child. Of several results of a test the worst counts."""
        self.is_changed = True
        match parts:
            case ("found", str(test)):
                self.found.append(test)
            case ("start", str(test)):
                self.running = test
            case ("case" | "end" as kind, str(test), str(outcome), str(message), str(trace)):
                if kind == "case":
                    self.with_cases.add(self.running or "")
                else:
                    self.running = None
                self._add_result(test, outcome, message, trace)
            case ("problem", str(stage), str(where), str(message), str(trace)):
                if self.problem is None:
                    self.problem = {"stage": stage, "where": where}
                    self.problem |= {"message": message, "trace": trace}
            case ("over",):
                self.is_ended = True

    def _add_result(self, test: str, outcome: str, message: str, trace: str) -> None:
        ranks = ("passed", "skipped", "failed")
        outcome = outcome if outcome in ranks else "failed"
        before = self.results.get(test, "passed")
        self.results[test] = max(before, outcome, key=ranks.index)
        if outcome == "failed" and len(self.failures) < MAX_FAILURES:
            self.failures.append({"test": test, "message": message, "trace": trace})

    def describe(self, *, is_final: bool, status: int | None = None) -> dict[str, Any]:
        """Return the state as a line of the report."""
        # A script that consists of cases is counted by them, unless it fails otherwise.
        counted = {
            test: outcome
            for test, outcome in self.results.items()
            if not (test in self.with_cases and outcome == "passed")
        }
        outcomes = list(counted.values())
        ended = {test.partition("[")[0] for test in self.results}
        missing = [each for each in self.found if each not in self.results]
        missing += [each for each in self.expected if each not in ended]
        return {
            "passed": outcomes.count("passed"),
            "failed": outcomes.count("failed"),
            "skipped": outcomes.count("skipped"),
            "missing": len(missing),
            "first_missing": next(iter(missing), None),
            "running": self.running,
            "problem": self.problem,
            "ended": self.is_ended,
            "status": status,
            "failures": self.failures if is_final else self.failures[:1],
        }


def protect(root: Path) -> str:
    """Take the secret, and keep other processes from reading this one's memory."""
    import ctypes  # noqa: PLC0415 - while the other process imports what it needs

    secret = take_secret(root)
    with suppress(OSError, AttributeError):  # other processes may not read this one's memory
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return secret


def read_messages(descriptor: int, key: str, state: RunState, secret: str) -> None:
    """Read the child's messages until it has ended or closes the pipe."""
    rest = b""
    while not state.is_ended:
        ready, _, _ = select.select([descriptor], [], [], QUIET_SECONDS)
        if not ready:
            if state.is_changed:  # for the case that the run is ended from outside
                state.is_changed = False
                print_state(state.describe(is_final=False), secret)
            continue
        data = os.read(descriptor, 1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE:
            return
        for line in lines:
            given, _, text = line.partition(b" ")
            if given == key.encode():
                with suppress(ValueError, SyntaxError):
                    state.add(ast.literal_eval(text.decode("ascii")))


def take_secret(root: Path) -> str:
    """Read and remove the files that the tested code must not see."""
    secret = (root / NONCE_FILE).read_text("ascii")
    (root / NONCE_FILE).unlink()
    (root / MANIFEST).unlink()
    return secret


def print_state(state: dict[str, Any], secret: str) -> None:
    """Print a line of the report."""
    os.write(1, f"{secret} {json.dumps(state)}\n".encode())
