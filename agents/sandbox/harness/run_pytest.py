"""Run pytest on a plan, in the process that the tested code shares."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from agents.sandbox.harness.reporter import PytestReporter, Send
from agents.sandbox.harness.run_plan import RunPlan

NOT_LOADED: Final = (
    *("cacheprovider", "doctest", "faulthandler", "junitxml", "pastebin", "setuponly", "setupplan"),
    *("stepwise", "threadexception", "unraisableexception"),
)
"""Plugins of pytest that have no effect on a report and take time."""


def run_pytest(plan: RunPlan, root: Path, send: Send, *, is_stub: bool) -> int:
    """Import the tested code, run its tests, and return the exit code."""
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
        *("-q", "--no-header", "--tb=short", "--color=no", "--import-mode=importlib"),
        *(word for name in NOT_LOADED for word in ("-p", f"no:{name}")),
        *("-c", os.devnull, f"--rootdir={root}", f"--confcutdir={root}", "--disable-warnings"),
        "--disable-plugin-autoload",  # the tested code may be installed as a plugin
    ]
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
