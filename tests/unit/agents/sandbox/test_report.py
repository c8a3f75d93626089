"""Reports of checks: what is cut, what is compared, and what people read."""

import pytest
from pydantic import ValidationError

from agents.sandbox.report import MAX_OUTPUT_CHARACTERS, MAX_TRACE_LINES, FailedTest, Report


def _report(**changes: object) -> Report:
    values: dict[str, object] = {"verdict": "failed", "sandbox": "bubblewrap", "language": "python"}
    return Report.model_validate(values | changes)


def test_passed_follows_from_the_verdict_and_survives_storing() -> None:
    stored = _report(verdict="passed", total=3, passed_tests=3).model_dump(mode="json")

    assert stored["passed"] is True
    assert Report.model_validate(stored | {"verdict": "failed"}).passed is False


def test_an_unknown_verdict_is_an_error() -> None:
    with pytest.raises(ValidationError, match="verdict"):
        _report(verdict="fine")


def test_long_texts_are_cut_where_it_hurts_least() -> None:
    lines = [f"line {number}" for number in range(100)]

    report = _report(
        output="x" * 10_000 + "the end",
        failures=[{"test": "t", "message": "m" * 5_000, "trace": lines}] * 50,
    )

    assert len(report.output) == MAX_OUTPUT_CHARACTERS
    assert report.output.endswith("the end")
    assert len(report.failures) == 20
    assert report.failures[0].trace == tuple(lines[-MAX_TRACE_LINES:])
    assert len(report.model_dump_json()) < 150_000


def test_what_no_database_stores_is_replaced() -> None:
    report = _report(output="a\0b\ud800", failures=[{"test": "t\0", "message": "\udfff"}])

    assert report.output == "a\ufffdb\ufffd"
    assert report.failures[0] == FailedTest(test="t\ufffd", message="\ufffd")
    report.model_dump_json().encode()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("<Stack object at 0x7f12ab>", "<Stack object at 0x7f99cd>"),
        ("took 0.31s", "took 1.02s"),
        ("open /tmp/run-ab12/x failed", "open /tmp/run-zz99/x failed"),
        ("at 2026-11-28 10:00:01.5 it failed", "at 2026-11-28 11:30:59 it failed"),
    ],
)
def test_the_signature_ignores_what_differs_between_runs(first: str, second: str) -> None:
    def sign(message: str, **changes: object) -> str:
        return _report(failures=[{"test": "test_a", "message": message}], **changes).signature

    assert sign(first) == sign(second)
    assert sign(first, seconds=1, output="a") == sign(second, seconds=2, output="b")
    assert sign(first) != sign("assert 1 == 2")
    assert sign(first, failed_tests=1) != sign(first, failed_tests=2)


def test_the_summary_is_one_line() -> None:
    failures = [{"test": "test_a", "message": "assert 1 == 2\n +  where 1 = f()"}]

    assert _report(verdict="passed", total=14, passed_tests=14).summary == "passed 14 of 14"
    assert _report(verdict="passed", basis="exit_code").summary == "passed (exit code 0)"
    assert (
        _report(total=2, passed_tests=1, failures=failures).summary
        == "1 of 2 tests passed: test_a: assert 1 == 2 + where 1 = f()"
    )
    assert _report(verdict="unavailable", reason="no Node").summary == "unavailable: no Node"
