"""Run tests of Python in a child process, and report on them.

Usage: python -I -S -B run_python.py (in the directory of the run)
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pytest

from agents.sandbox.harness.reporter import PytestReporter, make_sender
from agents.sandbox.harness.run_plan import RunPlan, Unparsable, plan_run
from agents.sandbox.harness.supervise import (
    MANIFEST,
    RunState,
    print_state,
    protect,
    read_messages,
    take_secret,
)


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
        print_state(state.describe(is_final=True), take_secret(root))
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
    secret = protect(root)
    key = os.urandom(16).hex()
    os.write(opener, key.encode())
    os.close(opener)
    expected = [f"{path}::{test}" for path, each in plan.files.items() for test in each.expected]
    state = RunState(sorted(expected))
    read_messages(from_child, key, state, secret)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    print_state(state.describe(is_final=True, status=code), secret)


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
