"""Run tests in a child process and report on them, as lines of JSON that begin with a secret.

The child holds the tested code; the secret is read, and its file removed, before that code runs.
Usage: python -I -S -B run_tests.py FOLDER
"""

import ast
import ctypes
import json
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pytest

from agents.sandbox.harness.reporter import PytestReporter, make_sender
from agents.sandbox.harness.run_plan import (
    RunPlan,
    Unparsable,
    plan_run,
)

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

    def add(self, parts: tuple[Any, ...]) -> None:
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


def main() -> None:
    """Run the tests of the manifest in the current directory."""
    root = Path.cwd()
    manifest = json.loads((root / MANIFEST).read_bytes())
    sources = {path: (root / path).read_text("utf-8", "replace") for path in manifest["sources"]}
    tests = {path: (root / path).read_text("utf-8", "replace") for path in manifest["tests"]}
    is_stub = bool(manifest["is_stub"])
    try:
        plan = plan_run(sources, tests, entry_point=manifest["entry_point"], is_stub=is_stub)
    except Unparsable as error:
        state = RunState([])
        state.add(("problem", "syntax", error.path, str(error), error.text))
        _print(state.describe(is_final=True), _take_secret(root))
        return
    from_child, to_parent = os.pipe()
    gate, opener = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(from_child)
        os.close(opener)
        _run_child(plan, root, gate, to_parent, is_stub=is_stub)
    os.close(to_parent)
    os.close(gate)
    _run_parent(plan, root, child, opener, from_child)


def _run_parent(plan: RunPlan, root: Path, child: int, opener: int, from_child: int) -> None:
    secret = _take_secret(root)
    with suppress(OSError, AttributeError):  # other processes may not read this one's memory
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    key = os.urandom(16).hex()
    os.write(opener, key.encode())
    os.close(opener)
    expected = [f"{path}::{test}" for path, each in plan.files.items() for test in each.expected]
    state = RunState(sorted(expected))
    _follow(from_child, key, state, secret)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    _print(state.describe(is_final=True, status=code), secret)


def _follow(descriptor: int, key: str, state: RunState, secret: str) -> None:
    """Read the child's messages until it has ended or closes the pipe."""
    rest = b""
    while not state.is_ended:
        ready, _, _ = select.select([descriptor], [], [], QUIET_SECONDS)
        if not ready:
            if state.is_changed:  # for the case that the run is ended from outside
                state.is_changed = False
                _print(state.describe(is_final=False), secret)
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


def _take_secret(root: Path) -> str:
    secret = (root / NONCE_FILE).read_text("ascii")
    (root / NONCE_FILE).unlink()
    (root / MANIFEST).unlink()
    return secret


def _print(state: dict[str, Any], secret: str) -> None:
    os.write(1, f"{secret} {json.dumps(state)}\n".encode())


def _run_child(plan: RunPlan, root: Path, gate: int, to_parent: int, *, is_stub: bool) -> None:
    """Run pytest; never returns. Whatever is printed goes to the standard error."""
    status = 70
    try:
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        key = os.read(gate, 64).decode()
        os.close(gate)
        send = make_sender(to_parent, key)
        status = _run_pytest(plan, root, send, is_stub=is_stub)
        send("over")
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _run_pytest(plan: RunPlan, root: Path, send: Any, *, is_stub: bool) -> int:
    if plan.suspicious is not None:
        send("problem", "tampering", "import", plan.suspicious, "")
        return 1
    for name in [name for name in sys.modules if name.partition(".")[0] == "agents"]:
        del sys.modules[name]  # the tested code may have a package of that name
    sys.path[0:1] = [str(root), *([str(root / "src")] if (root / "src").is_dir() else [])]
    sys.path.append(str(Path(pytest.__file__).parents[1]))
    sys.dont_write_bytecode = True
    reporter = PytestReporter(plan, root, send)
    if is_stub:
        _install_stubs(plan)
    if not reporter.import_tested():
        return 1
    arguments = [
        "-q", "--no-header", "--tb=short", "--color=no", "--import-mode=importlib",
        "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:junitxml",
        "-c", os.devnull, f"--rootdir={root}", "--disable-warnings",
    ]  # fmt: skip
    if not any(Path(path).name == "conftest.py" for path in plan.files):
        arguments.append("--noconftest")
    paths = [path for path in plan.files if Path(path).name != "conftest.py"]
    if not paths:
        return 0
    return int(pytest.main([*arguments, *paths], plugins=[reporter]))


def _install_stubs(plan: RunPlan) -> None:
    """Put modules in place of the tested ones in which every name is a function without result."""
    for name in plan.modules:
        parent = name
        while parent := parent.rpartition(".")[0]:
            sys.modules.setdefault(parent, _Stub(parent))
        sys.modules[name] = _Stub(name)


class _Stub(type(sys)):  # type: ignore[misc]
    __path__: list[str] = []  # noqa: RUF012 - a package, so that its modules can be imported

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


if __name__ == "__main__":
    main()
