"""Checks of JavaScript and TypeScript in the real sandbox. They need Node; some need packages."""

from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.report import Report
from cogo.config.settings import cache_directory
from tests.support.agents.checks import find_node, open_real_runner

JS = "export function add(a, b) {\n  return a + b;\n}\n"
TS = "export function add(a: number, b: number): number {\n  return a + b;\n}\n"
NODE_TESTS = """\
import test, { describe, it } from "node:test";
import assert from "node:assert";
import { add } from "./solution.js";
test("adds", () => assert.equal(add(1, 2), 3));
describe("zero", () => { it("is neutral", () => assert.equal(add(0, 0), 0)); });
"""
VITEST = """\
import { expect, test } from "vitest";
import { add } from "./solution";
test("adds", () => { expect(add(1, 2)).toBe(3); });
test("zero", () => { expect(add(0, 0)).toBe(0); });
"""
COUNTER = """\
import { useState } from "react";
export default function Counter() {
  const [count, setCount] = useState(0);
  return <button onClick={() => setCount(count + 1)}>count {count}</button>;
}
"""
COUNTER_TESTS = """\
import { fireEvent, render, screen } from "@testing-library/react";
describe("Counter", () => {
  it("counts", () => {
    render(<Counter />);
    fireEvent.click(screen.getByRole("button"));
    expect(screen.getByRole("button").textContent).toBe("count 1");
  });
});
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toolchains")


@pytest.fixture
async def plain(folder: Path) -> CheckRunner:
    """Open a runner with Node alone."""
    return await open_real_runner(folder, node=find_node(folder, with_packages=False))


@pytest.fixture
async def equipped(folder: Path) -> CheckRunner:
    """Open a runner with the packages that are installed in the developer's cache."""
    node = find_node(cache_directory() / "toolchains", with_packages=True)
    return await open_real_runner(folder, node=node)


async def check(
    runner: CheckRunner, code: str, tests: Any, *, path: str = "solution.js", **more: Any
) -> Report:
    return await runner.run(
        {"language": "javascript", "files": {path: code}, "tests": tests, **more}
    )


async def test_node_needs_no_packages_for_its_own_tests(plain: CheckRunner) -> None:
    good = await check(plain, JS, NODE_TESTS)
    bad = await check(plain, JS.replace("+", "-"), NODE_TESTS)

    assert (good.verdict, good.passed_tests, good.total) == ("passed", 2, 2), good
    assert (bad.verdict, bad.failed_tests) == ("failed", 1), bad
    assert bad.first_failure is not None
    assert bad.first_failure.test == "solution.test.js > adds"
    assert "-1" in bad.first_failure.message
    assert "3" in bad.first_failure.message


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        (JS.replace("export ", ""), 'import a from "node:assert"; a.equal(add(1, 2), 3);'),
        (
            "function add(a, b) { return a + b }\nmodule.exports = { add };",
            'const assert = require("assert"); assert.equal(add(1, 2), 3);',
        ),
    ],
)
async def test_names_are_imported_and_exported_where_that_was_forgotten(
    plain: CheckRunner, code: str, tests: str
) -> None:
    good = await check(plain, code, tests)
    bad = await check(plain, code.replace("+", "-"), tests)

    assert (good.verdict, good.total) == ("passed", 1), good
    assert bad.verdict == "failed", bad


async def test_tests_fail_against_a_stub(plain: CheckRunner) -> None:
    report = await check(plain, JS, NODE_TESTS, against="stub")

    assert (report.verdict, report.failed_tests) == ("failed", 2), report


@pytest.mark.parametrize(
    ("code", "verdict", "reason"),
    [
        ("export function add( { return", "syntax", "SyntaxError"),
        ('import left from "left-pad";\n' + JS, "crashed", "left-pad"),
        ("export const x = 1;", "syntax", "add"),
    ],
)
async def test_each_stage_has_its_verdict(
    plain: CheckRunner, code: str, verdict: str, reason: str
) -> None:
    report = await check(plain, code, NODE_TESTS)

    assert report.verdict == verdict, report
    assert reason in report.reason


@pytest.mark.parametrize(
    "code",
    [
        f"process.exit(0);\n{JS}",
        "export function add() { process.exit(0); }",
        "export function add() { process.reallyExit(0); }",
        "export function add() { process.kill(process.pid, 'SIGKILL'); }",
        "process.on('exit', () => { process.exitCode = 0; }); export const add = () => 7;",
        "import a from 'node:assert'; a.equal = () => {}; export const add = () => 7;",
        "import test from 'node:test'; test.skip('x'); export const add = () => 7;",
        "import { mock } from 'node:test'; export const add = () => { throw 0; };",
        "process.stdout.write('# pass 2\\n# fail 0\\n'); export const add = () => 7;",
        "export const add = () => ({ valueOf: () => Math.random() });",
    ],
)
async def test_no_cheat_passes(plain: CheckRunner, code: str) -> None:
    report = await check(plain, code, NODE_TESTS)

    assert report.verdict in {"failed", "crashed"}, report


async def test_without_packages_typescript_is_not_judged(plain: CheckRunner) -> None:
    report = await check(plain, TS, VITEST, path="solution.ts")

    assert report.verdict == "unavailable"
    assert "cogo sandbox install node" in report.reason


async def test_typescript_is_compiled_strictly_and_tested(equipped: CheckRunner) -> None:
    good = await check(equipped, TS, VITEST, path="solution.ts")
    bad = await check(equipped, TS.replace("+", "-"), VITEST, path="solution.ts")
    wrong = await check(equipped, TS.replace("a + b", "'x'"), VITEST, path="solution.ts")

    assert (good.verdict, good.total) == ("passed", 2), good
    assert (bad.verdict, bad.failed_tests) == ("failed", 1), bad
    assert wrong.verdict == "syntax"
    assert "solution.ts(2,3): error TS2322" in wrong.reason


async def test_typescript_runs_with_tests_of_node(equipped: CheckRunner) -> None:
    tests = NODE_TESTS.replace("./solution.js", "./solution")

    report = await check(equipped, TS, tests, path="solution.ts")

    assert (report.verdict, report.total) == ("passed", 2), report


async def test_components_are_rendered(equipped: CheckRunner) -> None:
    good = await check(equipped, COUNTER, COUNTER_TESTS, path="Counter.tsx")
    bad = await check(equipped, COUNTER.replace("+ 1", "+ 2"), COUNTER_TESTS, path="Counter.tsx")

    assert (good.verdict, good.total) == ("passed", 1), good
    assert bad.verdict == "failed", bad
