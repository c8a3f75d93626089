"""Checks by a command that the task names; its exit code decides."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agents.sandbox.check import CheckParams, encode_files, explain_exit, explain_hit
from agents.sandbox.job import Job, Outcome, RunLimits
from agents.sandbox.languages.python import list_test_files
from agents.sandbox.report import FailedTest, Report, Verdict

_COUNTS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    # pytest: "1 failed, 2 passed in 0.1s"; vitest and jest: "Tests  1 failed | 2 passed (3)"
    ("passed", re.compile(r"(\d+) pass(?:ed|ing)\b")),
    ("failed", re.compile(r"(\d+) fail(?:ed|ing)\b")),
    # node --test: "# pass 2", and the same behind an information sign
    ("passed", re.compile(r"^[#\u2139] pass (\d+)", re.MULTILINE)),
    ("failed", re.compile(r"^[#\u2139] fail (\d+)", re.MULTILINE)),
)
_UNITTEST: Final = re.compile(r"^Ran (\d+) tests? in [\d.]+s", re.MULTILINE)
_UNITTEST_FAILED: Final = re.compile(r"^FAILED \((.*)\)", re.MULTILINE)
_GO: Final = re.compile(r"^\s*--- (PASS|FAIL): (\S+)", re.MULTILINE)
_FAILED_LINES: Final = re.compile(
    r"^(?:FAILED|--- FAIL:|not ok \d+ -|\u2716|\u00d7)\s+(\S.*)$|^(?:FAIL|ERROR): (\S.*)$",
    re.MULTILINE,
)
_COUNTING: Final = re.compile(
    r"^(?!.*-q(?:q|.* -q))(?:\S*python3? -m )?(?:pytest|unittest|vitest|jest|node --test)\b"
)
"""Commands that print how many tests passed, so that an early exit of the code is noticed."""
_ONLY_PYTEST: Final = re.compile(
    r"^(?:\S*python3? -m )?pytest\b(?!.*(?:[;&|<>`$\n]|no:junitxml|--junit))", re.DOTALL
)
"""Commands that are one run of pytest, which is made to write its results into a file."""
_SUITE: Final = re.compile(rb"<testsuite\b[^>]*>")
_PYTEST: Final = re.compile(r"\bpytest\b")
_GO_FILES: Final = re.compile(r"\[no test(?:s to run| files)\]")
_GO_PASSED: Final = re.compile(r"^ok\s+\S+\s+(?:[\d.]+s|\(cached\))(?!.*\[no tests)", re.MULTILINE)
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SHOWN: Final = 40_000
"""Characters of the output's end in which counts are looked for."""

NOT_FOUND: Final = 127
RESULTS: Final = ".cogo-results.xml"
"""What pytest writes at its very end, so that code which ends it earlier has no results."""
NO_TESTS_OF_PYTEST: Final = 5


def build_command_job(
    params: CheckParams, *, paths: Sequence[Path], readable: Sequence[Path], limits: RunLimits
) -> Job:
    """Return the job that runs the command in a shell; `paths` come first on its PATH."""
    prefix = "".join(f"{path}:" for path in paths)
    script = f'PATH={shlex.quote(prefix)}"$PATH"; export PATH; {params.command}'
    environment = {"CI": "1", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    is_pytest = _ONLY_PYTEST.search(params.command or "") is not None
    if is_pytest:
        environment["PYTEST_ADDOPTS"] = f"--junitxml={RESULTS}"
    return Job(
        files=encode_files({**params.files, **list_test_files(params)}),
        command=["/bin/sh", "-c", script],
        limits=limits,
        environment=environment,
        readable=tuple(readable),
        collect=[RESULTS] if is_pytest else [],
    )


def read_command_report(outcome: Outcome, params: CheckParams, *, limits: RunLimits) -> Report:
    """Return the report. The counts are what the command printed; nothing verifies them."""
    output = _ANSI.sub("", (outcome.stdout + b"\n" + outcome.stderr).decode("utf-8", "replace"))
    passed, failed = _count(output[-_SHOWN:])
    command = params.command or ""
    verdict, reason = _judge(outcome, limits, command)
    if verdict == "passed" and _ONLY_PYTEST.search(command):
        passed, failed = _count_results(outcome.files.get(RESULTS, b""))
    is_counting = _ONLY_PYTEST.search(command) or _COUNTING.search(command)
    if _has_no_tests(outcome, command, output, passed, failed):
        verdict, reason = "no_tests", "the command found no tests"
    elif verdict == "passed" and is_counting and passed is None:
        verdict, reason = "crashed", "the command ended with 0, but reported no tests"
    elif verdict == "passed" and is_counting and failed:
        verdict, reason = "crashed", f"the command ended with 0, but {failed} tests failed"
    failures = [
        FailedTest(test=match.group(1) or match.group(2), message="", trace=())
        for match in _FAILED_LINES.finditer(output[-_SHOWN:])
    ]
    if verdict == "failed" and not failures:
        lines = [line for line in output.splitlines() if line.strip()]
        failures = [
            FailedTest(
                test=params.command or "", message="\n".join(lines[-5:]), trace=tuple(lines[-20:])
            )
        ]
    return Report(
        verdict=verdict,
        reason=reason,
        sandbox=outcome.backend,
        language=params.language,
        command=params.command or "",
        basis="exit_code",
        total=None if passed is None and failed is None else (passed or 0) + (failed or 0),
        passed_tests=passed,
        failed_tests=failed,
        failures=tuple(failures) if verdict == "failed" else (),
        output=output.strip(),
        seconds=outcome.seconds,
    )


def _judge(outcome: Outcome, limits: RunLimits, command: str) -> tuple[Verdict, str]:
    if hit := explain_hit(outcome, limits):
        return hit
    if outcome.exit_code == 0:
        return "passed", ""
    if outcome.exit_code == NOT_FOUND:
        return "unavailable", f"the sandbox has no program for `{command[:200]}`"
    verdict: Verdict = "crashed" if outcome.exit_code is None else "failed"
    return verdict, f"the command {explain_exit(outcome)}"


def _has_no_tests(
    outcome: Outcome, command: str, output: str, passed: int | None, failed: int | None
) -> bool:
    """Return whether a command ended without having run a single test, as its tool says."""
    if _PYTEST.search(command) and outcome.exit_code == NO_TESTS_OF_PYTEST:
        return True
    if outcome.exit_code != 0:
        return False
    if _GO_FILES.search(output) and not _GO_PASSED.search(output):
        return True
    return passed == 0 and not failed


def _count_results(results: bytes) -> tuple[int | None, int | None]:
    """Return how many tests passed and failed by pytest's own file; None if it wrote none."""
    suite = _SUITE.search(results[:4_096])
    if suite is None:
        return None, None
    counts = {
        name: int(found[1][:9]) if (found := re.search(rb'\b%s="(\d+)"' % name, suite[0])) else 0
        for name in (b"tests", b"failures", b"errors", b"skipped")
    }
    failed = counts[b"failures"] + counts[b"errors"]
    return max(counts[b"tests"] - failed - counts[b"skipped"], 0), failed


def _count(output: str) -> tuple[int | None, int | None]:
    """Return how many tests passed and failed, as the last lines of known tools have it."""
    if runs := _GO.findall(output):
        return sum(kind == "PASS" for kind, _ in runs), sum(kind == "FAIL" for kind, _ in runs)
    if ran := _UNITTEST.findall(output):
        lost = _UNITTEST_FAILED.findall(output)
        failed = sum(map(int, re.findall(r"(?:failures|errors)=(\d+)", lost[-1]))) if lost else 0
        return max(int(ran[-1]) - failed, 0), failed
    counts: dict[str, int] = {}
    for kind, pattern in _COUNTS:
        if found := pattern.findall(output):
            counts[kind] = int(found[-1][:9])
    if not counts:
        return None, None
    return counts.get("passed", 0), counts.get("failed", 0)
