"""Reports on commands: recorded outputs of known tools, exit codes, and limits."""

import pytest

from agents.sandbox.check import InvalidCheck, parse_check
from agents.sandbox.job import Outcome, RunLimits
from agents.sandbox.languages.command import build_command_job, read_command_report
from agents.sandbox.report import Report

OUTPUTS = {
    "pytest": (
        b"F..\nFAILED test_a.py::test_x - assert 1 == 2\n1 failed, 2 passed in 0.02s\n",
        2,
        1,
    ),
    "unittest": (b"F.\nFAIL: test_a (t.A)\nRan 3 tests in 0.001s\n\nFAILED (failures=1)\n", 2, 1),
    "node": ("✖ adds (1ms)\nℹ tests 3\nℹ pass 2\nℹ fail 1\n".encode(), 2, 1),  # noqa: RUF001
    "node's tap": (b"not ok 1 - adds\n# tests 3\n# pass 2\n# fail 1\n", 2, 1),
    "vitest": ("\x1b[31m × adds\x1b[0m\n Tests  1 failed | 2 passed (3)\n".encode(), 2, 1),  # noqa: RUF001
    "go": (b"--- FAIL: TestA (0.00s)\n--- PASS: TestB (0.00s)\n--- PASS: TestC (0.00s)\n", 2, 1),
    "something else": (b"that did not work\n", None, None),
}


def _read(outcome: Outcome, command: str = "make test") -> Report:
    params = parse_check({"files": {}, "command": command})
    return read_command_report(outcome, params, limits=RunLimits())


@pytest.mark.parametrize("tool", OUTPUTS)
def test_counts_of_known_tools_are_read(tool: str) -> None:
    output, passed, failed = OUTPUTS[tool]

    report = _read(Outcome(backend="b", exit_code=1, stdout=output))

    assert (report.verdict, report.passed_tests, report.failed_tests) == ("failed", passed, failed)
    assert report.first_failure is not None
    assert report.basis == "exit_code"


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(backend="b", exit_code=0, stdout=b"1 failed, 2 passed"), "passed"),
        (Outcome(backend="b", exit_code=1, stdout=b"2 passed"), "failed"),
        (Outcome(backend="b", exit_code=127, stderr=b"go: not found"), "unavailable"),
        (Outcome(backend="b", exit_code=5, stdout=b"no tests ran in 0.01s"), "failed"),
        (Outcome(backend="b", signal=11), "crashed"),
        (Outcome(backend="b", signal=9, hit="wall"), "timeout"),
        (Outcome(backend="b", signal=9, hit="memory"), "memory"),
        (Outcome(backend="b", exit_code=1, hit="disk"), "crashed"),
    ],
)
def test_the_exit_code_decides(outcome: Outcome, verdict: str) -> None:
    report = _read(outcome)

    assert report.verdict == verdict
    assert bool(report.reason) != report.passed


@pytest.mark.parametrize(
    ("command", "output", "verdict"),
    [
        ("pytest -q", b"", "crashed"),
        ("python -m pytest", b"...", "crashed"),
        ("python -m unittest", b"Ran 2 tests in 0.001s\n\nOK\n", "passed"),
        ("node --test", b"", "crashed"),
        ("pytest -q && true", b"2 passed in 0.1s", "passed"),
        ("pytest -qq; true", b"..", "passed"),
        ("make test", b"", "passed"),
        ("go test ./...", b"ok  \tadd\t0.002s", "passed"),
        ("go test ./...", b"?   \tadd\t[no test files]\n", "no_tests"),
        ("go test ./...", b"ok  \tadd\t0.002s [no tests to run]\n", "no_tests"),
        ("go test ./...", b"?   \ta\t[no test files]\nok  \tb\t(cached)\n", "passed"),
        ("cargo test", b"test result: ok. 0 passed; 0 failed; 0 ignored", "no_tests"),
        ("node --test", b"# tests 0\n# pass 0\n# fail 0\n", "no_tests"),
        ("python -m unittest", b"Ran 0 tests in 0.000s\n\nOK\n", "no_tests"),
    ],
)
def test_code_that_exits_early_does_not_pass_where_tests_are_counted(
    command: str, output: bytes, verdict: str
) -> None:
    report = _read(Outcome(backend="b", exit_code=0, stdout=output), command)

    assert report.verdict == verdict, report


RESULTS = b'<testsuites><testsuite name="pytest" errors="0" failures="%d" skipped="%d" tests="%d">'


@pytest.mark.parametrize(
    ("results", "verdict", "passed"),
    [
        (RESULTS % (0, 1, 3), "passed", 2),
        (RESULTS % (1, 0, 3), "crashed", 2),
        (RESULTS % (0, 2, 2), "no_tests", 0),
        (RESULTS[:20], "crashed", None),
        (None, "crashed", None),
    ],
)
def test_of_pytest_its_own_file_counts_and_not_what_the_code_prints(
    results: bytes | None, verdict: str, passed: int | None
) -> None:
    files = {".cogo-results.xml": results} if results else {}
    outcome = Outcome(backend="b", exit_code=0, stdout=b"9 passed in 0.1s", files=files)

    report = _read(outcome, "pytest -qq tests")

    assert (report.verdict, report.passed_tests) == (verdict, passed)


def test_pytest_says_with_its_exit_code_that_there_are_no_tests() -> None:
    report = _read(Outcome(backend="b", exit_code=5), "python -m pytest tests")

    assert report.verdict == "no_tests"


def test_a_command_is_given_to_a_shell_as_it_is() -> None:
    params = parse_check({"command": 'echo "a b" && exit 3', "files": {"é.txt": "ü"}, "tests": "x"})

    job = build_command_job(params, paths=[], readable=[], limits=RunLimits())

    assert job.command[:2] == ["/bin/sh", "-c"]
    assert job.command[2].endswith('export PATH; echo "a b" && exit 3')
    assert job.files == {"é.txt": "ü".encode(), "test_solution.py": b"x"}


@pytest.mark.parametrize(
    "params",
    [
        {"files": {"/etc/passwd": ""}},
        {"files": {"a/../../b": ""}},
        {"files": {"a\\b": ""}},
        {"files": {"": ""}},
        {"files": {".cogo-nonce": "x"}},
        {"files": {"a.py": 5}},
        {"files": {"a.py": "x" * (9 << 20)}},
        {"tests": {str(number): "" for number in range(501)}},
        {"limits": {"wall_seconds": 0}},
        {"limits": {"walls": 1}},
        {"entry_point": "a b"},
        {"unknown": 1},
        [],
    ],
)
def test_params_that_no_sandbox_can_run_are_refused(params: object) -> None:
    with pytest.raises(InvalidCheck):
        parse_check(params)


def test_limits_are_bounded_by_the_settings() -> None:
    params = parse_check({"limits": {"wall_seconds": 500, "memory_mb": 100}})
    maximum = RunLimits(wall_seconds=60, memory_mb=1_000, processes=8)

    limits = params.bound_limits(RunLimits(), maximum)

    assert limits == RunLimits(wall_seconds=60, memory_mb=100, processes=8)
