"""What a check costs beside the command that a person would type: the two in turns, one at a time.

`python -m pytest -q` and `node --test` run in a fresh directory with the same files. pytest is that
of the checks and loads no plugins. CPU time is that of all processes below and of this one, which
watches over the checks.
"""

import asyncio
import ctypes
import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.choice import explain_unusable, list_backends
from agents.sandbox.job import SandboxBroken
from agents.sandbox.languages.node import NodeToolchain
from agents.sandbox.languages.python import PythonToolchain
from agents.sandbox.node_toolchain import find_node_toolchain
from agents.sandbox.python_toolchain import ToolchainMissing, build_python_toolchain
from benchmarks.figures import quantiles
from protocol.records.agents import SandboxChoice

RUNS: Final = 40
QUICK_RUNS: Final = 5
MOST_SECONDS: Final = 40.0
"""For one kind of check in one backend; what was measured until then counts."""
GOAL_SECONDS: Final = 0.15
PR_SET_CHILD_SUBREAPER: Final = 36

Report = Callable[[dict[str, Any]], None]

_PYTHON: Final = """\
def sort_words(text):
    return sorted(text.split(), key=str.lower)
"""
_CASES: Final = {
    "empty": ("", []),
    "one": ("a", ["a"]),
    "two": ("b a", ["a", "b"]),
    "case": ("B a", ["a", "B"]),
    "twice": ("a b a", ["a", "a", "b"]),
}
_PYTEST: Final = "from solution import sort_words\n" + "".join(
    f"\n\ndef test_{name}():\n    assert sort_words({text!r}) == {words!r}\n"
    for name, (text, words) in _CASES.items()
)
_UNITTEST: Final = (
    "import unittest\n\nfrom solution import sort_words\n\n\nclass TestWords(unittest.TestCase):\n"
    + "\n".join(
        f"    def test_{name}(self):\n        self.assertEqual(sort_words({text!r}), {words!r})\n"
        for name, (text, words) in _CASES.items()
    )
)
_NODE: Final = """\
export const sortWords = (text) => text.split(/\\s+/).filter(Boolean).sort();
"""
_NODE_TEST: Final = (
    'import test from "node:test";\nimport assert from "node:assert";\n'
    'import { sortWords } from "./solution.mjs";\n'
    + "".join(
        f'test("{name}", () => assert.deepEqual(sortWords("{text}"), {sorted(words)!r}));\n'
        for name, (text, words) in _CASES.items()
    )
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of check, and the command that runs the same tests without it."""

    name: str
    params: Mapping[str, Any]
    command: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    seconds: float
    cpu_seconds: float


async def run(report: Report, *, quick: bool) -> None:
    """Measure each kind of check in each backend that works here."""
    _adopt_orphans()
    with tempfile.TemporaryDirectory() as folder:
        python, node = _build_toolchains(Path(folder))
        search = [each for _, each in list_backends(SandboxChoice.AUTO)]
        backends = {each.name: each for each in search if await explain_unusable(each) is None}
        if not backends:
            report({"name": "checks", "skipped": "no sandbox works on this machine"})
        for sandbox in backends.values():
            runner = CheckRunner(sandbox=sandbox, python=python, node=node)
            for kind in _list_kinds(runner):
                around = {"backend": sandbox.name, "goal_overhead_p50": GOAL_SECONDS}
                try:
                    figures = await _compare(runner, kind, QUICK_RUNS if quick else RUNS)
                except SandboxBroken as error:  # such as an interpreter that only root may run
                    reason = str(error).rpartition("\n")[2]
                    figures = [{"name": f"check_{kind.name}", "skipped": reason}]
                for figure in figures:
                    report({**figure, **around})


def _build_toolchains(cache: Path) -> tuple[PythonToolchain, NodeToolchain | None]:
    cache.chmod(0o755)  # for users without rights
    python = build_python_toolchain(cache)
    try:
        return python, find_node_toolchain(cache)
    except ToolchainMissing:
        return python, None


def _list_kinds(runner: CheckRunner) -> Iterator[Kind]:
    python = runner.python
    assert python is not None
    environment = {"PYTHONPATH": str(python.folder)}
    start = (str(python.interpreter), "-S", "-m")
    for name, tests in (("pytest", _PYTEST), ("unittest", _UNITTEST)):
        params = {"files": {"solution.py": _PYTHON}, "tests": {"test_words.py": tests}}
        yield Kind(name, params, (*start, "pytest", "-q"), environment)
    if runner.node is not None:
        params = {"files": {"solution.mjs": _NODE}, "tests": {"words.test.mjs": _NODE_TEST}}
        command = (str(runner.node.program), "--test")
        yield Kind("node_test", {**params, "language": "node"}, command, {})


async def _compare(runner: CheckRunner, kind: Kind, runs: int) -> list[dict[str, Any]]:
    """Return the figures of a kind of check, of the plain command, and of their difference."""
    await _check(runner, kind)  # the first fills the caches of the disk
    checks: list[Cost] = []
    plain: list[Cost] = []
    deadline = time.monotonic() + MOST_SECONDS
    while len(checks) < runs and time.monotonic() < deadline:
        with _write_files(kind) as folder:
            plain.append(await _measure(partial(_run_plain, kind, folder)))
        checks.append(await _measure(partial(_check, runner, kind)))
    added = [
        Cost(each.seconds - other.seconds, each.cpu_seconds - other.cpu_seconds)
        for each, other in zip(checks, plain, strict=True)
    ]
    return [
        {"name": f"check_{kind.name}{name}", "unit": "s", **_describe(costs)}
        for name, costs in (("", checks), ("_plain", plain), ("_overhead", added))
    ]


def _describe(costs: Sequence[Cost]) -> dict[str, Any]:
    cpu = quantiles([each.cpu_seconds for each in costs])
    return {
        **quantiles([each.seconds for each in costs]),
        "cpu_p50": cpu["p50"],
        "cpu_p95": cpu["p95"],
    }


async def _measure(work: Callable[[], Awaitable[None]]) -> Cost:
    started, cpu = time.perf_counter(), _count_cpu()
    await work()
    seconds = time.perf_counter() - started
    return Cost(seconds, _count_cpu() - cpu)


def _adopt_orphans() -> None:
    """Become the parent of processes whose own has ended, so that their CPU time is counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _count_cpu() -> float:
    """Return the CPU time of this process and of all below it, which have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0):
            pass
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def _check(runner: CheckRunner, kind: Kind) -> None:
    report = await runner.run(kind.params)
    if not (report.passed and report.passed_tests == len(_CASES)):
        raise RuntimeError(f"the check of {kind.name} went wrong: {report}")


@contextmanager
def _write_files(kind: Kind) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        for path, text in {**kind.params["files"], **kind.params["tests"]}.items():
            (Path(name) / path).write_text(text, encoding="utf-8")
        yield Path(name)


async def _run_plain(kind: Kind, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *kind.command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **kind.environment},
    )
    printed, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{kind.command} went wrong: {(printed + errors).decode()}")
