"""A pytest plugin that reports results to another process, over a pipe, with a key.

The tested code runs in this process and may change what it can reach. What a report depends on is
therefore taken when this module is imported, before that code, and a test counts as passed only if
its own code has sent the token that was compiled into the end of its body.
"""

import ast
import builtins
import importlib
import inspect
import math
import operator
import os
import sys
import types
import unittest
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.assertion import rewrite

from agents.sandbox.harness.instrument import CASE, END, instrument
from agents.sandbox.harness.run_plan import RunPlan

MAX_MESSAGE: Final = 2_000
MAX_TRACE: Final = 4_000

_WATCHED: Final = (builtins, unittest.TestCase, pytest, math, operator)
_ABSENT: Final = object()

Send = Callable[..., None]


def make_sender(descriptor: int, key: str) -> Send:
    """Return a function that writes one line: the key, and a tuple of strings and numbers."""
    write, to_text, encode, decode = os.write, ascii, str.encode, bytes.decode

    def send(*parts: object) -> None:
        plain = tuple(
            decode(encode(each, "utf-8", "replace")) if isinstance(each, str) else each
            for each in parts
        )
        data = encode(f"{key} {to_text(plain)}\n")
        while data:
            data = data[write(descriptor, data) :]

    return send


class PytestReporter:
    """Runs the tests of a plan and sends: found, start, end, problem."""

    def __init__(self, plan: RunPlan, root: Path, send: Send) -> None:
        self._plan = plan
        self._root = f"{root}{os.sep}"
        self._send = send
        self._ended: set[str] = set()
        self._cases: dict[str, tuple[str, str]] = {}
        self._call: tuple[str, str, str] = ("failed", "", "")
        self._guard = TamperGuard(trusted={str(root / path) for path in plan.files})
        original = rewrite.rewrite_asserts

        def rewrite_asserts(
            tree: ast.Module, source: bytes, path: str | None = None, config: Any = None
        ) -> None:
            relative = (path or "").removeprefix(self._root)
            if relative in plan.files:
                instrument(tree, plan.files[relative])
            original(tree, source, path, config)

        rewrite.rewrite_asserts = rewrite_asserts  # type: ignore[assignment]
        setattr(builtins, END, self._ended.add)
        setattr(builtins, CASE, self._open_case)
        self._guard.watch()

    def import_tested(self) -> bool:
        """Import the tested modules under every name; report the first that cannot be imported."""
        for name in self._plan.needed:
            try:
                importlib.import_module(name)
            except BaseException as error:  # noqa: BLE001 - reported; also SystemExit
                self._send("problem", "import", self._plan.modules[name], *self._explain(error))
                return False
        for alias, name in self._plan.aliases.items():
            parent = alias
            while parent := parent.rpartition(".")[0]:
                package = types.ModuleType(parent)
                package.__path__ = []
                sys.modules.setdefault(parent, package)
            sys.modules[alias] = sys.modules[name]
        return not self._report_tampering("import")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report a file of tests that cannot be imported."""
        if report.failed:
            message = _find_message(report.longrepr) or _find_error_line(report.longreprtext)
            self._send(
                "problem", "collect", report.nodeid, *self._cut(message, report.longreprtext)
            )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Report the tests that were found."""
        for item in session.items:
            self._send("found", item.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Report one test, after its fixtures have been taken down."""
        self._ended.clear()
        self._cases.clear()
        self._call = ("failed", "it did not run", "")
        self._send("start", item.nodeid)
        result = yield
        if not self._report_tampering(item.nodeid):
            for label, (message, trace) in self._cases.items():
                outcome = "failed" if message else "passed"
                self._send("case", f"{item.nodeid} {label}", outcome, message, trace)
            self._send("end", item.nodeid, *self._call)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the outcome of one phase of a test."""
        error = call.excinfo  # before pytest replaces it
        report = yield
        if call.when == "setup":
            self._call = ("failed", "its call was not reported", "")
        if error is None and not report.failed:
            if call.when == "call":
                self._call = self._judge_call(item)
        elif report.skipped:  # also a failure that was expected
            if call.when == "call" and self._comes_from_tested_code(error):
                self._call = ("failed", "the tested code skipped the test", "")
            else:
                self._call = ("skipped", "", "")
        else:
            message = _find_message(report.longrepr) or ("" if error is None else error.exconly())
            self._call = ("failed", *self._cut(message, report.longreprtext))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run a test that is a coroutine."""
        if not inspect.iscoroutinefunction(inspect.unwrap(pyfuncitem.obj)):
            return None
        import asyncio  # noqa: PLC0415 - few tests need it, and it takes long

        wanted = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as pytest does it
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
        return True

    def _judge_call(self, item: pytest.Item) -> tuple[str, str, str]:
        """Return `passed` only if the test sent its token."""
        path = str(item.path).removeprefix(self._root)
        planned = self._plan.files.get(path)
        name = getattr(item, "originalname", None) or item.name.partition("[")[0]
        token = planned.tokens.get(name) if planned else None
        if token is not None and token not in self._ended:
            return "failed", "the test did not run to its end", ""
        return "passed", "", ""

    def _open_case(self, label: str) -> "ScriptCase":
        return ScriptCase(label, self._cases, self._explain)

    def _explain(self, error: BaseException) -> tuple[str, str]:
        info = pytest.ExceptionInfo.from_exception(error)
        try:
            inside = info.traceback.filter(lambda entry: str(entry.path).startswith(self._root))
            info.traceback = inside or info.traceback
            shown = info.getrepr(style="short", chain=False)
            crash = getattr(shown, "reprcrash", None)
            return self._cut(crash.message if crash else info.exconly(), str(shown))
        except Exception:  # noqa: BLE001 - an error that cannot be displayed
            return type(error).__name__, ""

    def _cut(self, message: str, trace: str) -> tuple[str, str]:
        message, trace = (each.replace(self._root, "") for each in (message, trace))
        return message[:MAX_MESSAGE], trace[-MAX_TRACE:]

    def _comes_from_tested_code(self, info: pytest.ExceptionInfo[BaseException] | None) -> bool:
        return info is not None and any(
            (path := str(entry.path)).startswith(self._root)
            and path.removeprefix(self._root) not in self._plan.files
            for entry in info.traceback
        )

    def _report_tampering(self, where: str) -> bool:
        problem = self._guard.find_tampering()
        if problem is None:
            return False
        if where == "import":
            self._send("problem", "tampering", "import", problem, "")
        else:
            self._send("end", where, "failed", problem, "")
        return True


class ScriptCase:
    """Records how one statement of a script ended, and lets the next one run."""

    def __init__(
        self,
        label: str,
        cases: dict[str, tuple[str, str]],
        explain: Callable[[BaseException], tuple[str, str]],
    ) -> None:
        self._label = label
        self._cases = cases
        self._explain = explain

    def __enter__(self) -> None:
        self._cases.setdefault(self._label, ("it did not run to its end", ""))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            if self._cases[self._label][0] == "it did not run to its end":
                self._cases[self._label] = ("", "")
            return False
        message, text = self._explain(error)
        self._cases[self._label] = (message or "it failed", text)
        return isinstance(error, Exception)


class TamperGuard:
    """Finds what the tested code has replaced, and its classes that are equal to everything."""

    def __init__(self, trusted: set[str]) -> None:
        self._trusted = trusted
        self._before: list[tuple[Any, str, object]] = []
        self._checked: set[int] = set()

    def watch(self) -> None:
        """Remember what must not change."""
        self._before = [
            (owner, name, value) for owner in _WATCHED for name, value in vars(owner).items()
        ]
        self._checked = {id(each) for each in _iterate_classes()}

    def find_tampering(self) -> str | None:
        """Return what was changed, as a sentence, and undo it."""
        problem = None
        for owner, name, value in self._before:
            if vars(owner).get(name, _ABSENT) is not value:
                problem = f"the tested code replaced {owner.__name__}.{name}"
                setattr(owner, name, value)
        return problem or self._find_equal_to_all()

    def _find_equal_to_all(self) -> str | None:
        for each in _iterate_classes():
            if id(each) in self._checked:
                continue
            self._checked.add(id(each))
            compare = each.__dict__.get("__eq__")
            code = getattr(compare, "__code__", None)
            if code is None or code.co_filename in self._trusted:
                continue
            if _accepts_anything(each, compare):
                return f"class {each.__name__} of the tested code is equal to everything"
        return None


def _iterate_classes() -> Sequence[type]:
    found: dict[int, type] = {}
    pending = [object]
    while pending:
        for each in type.__subclasses__(pending.pop()):
            if id(each) not in found:
                found[id(each)] = each
                pending.append(each)
    return list(found.values())


def _accepts_anything(kind: type, compare: Any) -> bool:
    creators: tuple[Any, ...] = (object.__new__, kind.__new__)
    for create in creators:
        try:
            return compare(create(kind), object()) is True
        except BaseException:  # noqa: BLE001, S112 - the class's own code
            continue
    return False


def _find_message(shown: object) -> str:
    crash = getattr(shown, "reprcrash", None)
    return str(crash.message) if crash is not None else ""


def _find_error_line(text: str) -> str:
    """Return the last line that pytest marks as the error."""
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return lines[-1] if lines else text
