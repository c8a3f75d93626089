"""Each task of the demo ends in a few lines that fit a terminal."""

from typing import Any

from cogo.cli.local.story import tell_task
from protocol.records import Task

ROW: dict[str, Any] = {
    "id": "5eed0000-0000-4000-8000-000000000001",
    "type": "GENERATE_CODE",
    "prompt": "x",
    "status": "completed",
    "cost_usd": "0.1720",
    "created_at": "2026-11-28T10:00:00Z",
    "finished_at": "2026-11-28T10:00:04Z",
}


def tell(**fields: Any) -> list[str]:
    lines = tell_task(Task.model_validate(ROW | fields))
    assert all(len(line) <= 64 for line in lines)
    return lines


def test_attempts_at_code_are_told_as_draft_repair_and_another_model() -> None:
    verification = {
        "status": "self_tested",
        "report": {"total": 5, "passed_tests": 5},
        "tests": {"written_by": "a-model-with-a-name-that-is-longer-than-most"},
        "sandbox": "bubblewrap",
    }
    attempts = [
        {"model": "small", "passed": 3, "total": 5},
        {"model": "small", "passed": 3, "total": 5},
        {"model": "large", "passed": 5, "total": 5},
    ]

    lines = tell(result={"verification": verification, "receipt": {"attempts": attempts}})

    assert lines[0].startswith("self-tested: 5 of 5 tests passed that ")
    assert [line.split() for line in lines[2:5]] == [
        ["1.", "3", "of", "5", "draft", "small"],
        ["2.", "3", "of", "5", "repair", "small"],
        ["3.", "5", "of", "5", "another", "model", "large"],
    ]
    assert lines[-1] == "4.0 s, $0.1720"


def test_a_debate_is_told_by_its_verdict_whose_words_may_be_its_own() -> None:
    votes = [{"model": m, "after": {"verdict": v}} for m, v in (("a", "Tabs."), ("b", "spaces"))]
    verdict = {"decision": "Tabs it is", "dissent": ["cautious (b): spaces."]}

    lines = tell(result={"votes": votes, "verdict": verdict, "decided_by": "j"})

    assert lines[0] == "Tabs it is: 1 of 2, decided by j"


def test_a_debate_is_told_by_its_votes() -> None:
    votes = [
        {"model": model, "after": {"verdict": verdict}}
        for model, verdict in (("a", "Tabs"), ("b", "Spaces"), ("c", "Spaces"))
    ]

    lines = tell(result={"votes": votes, "decided_by": "j"}, simulated=True)

    assert lines == [
        "Spaces: 2 of 3, decided by j",
        "- Tabs: a",
        "- Spaces: b",
        "- Spaces: c",
        "4.0 s, $0.1720  simulated",
    ]


def test_findings_are_told_with_their_lines() -> None:
    found = [{"severity": "high", "line": 5, "what": "It hides errors."}] * 4

    lines = tell(result={"data": {"findings": found}, "text": "x"})

    assert lines[:2] == ["4 findings", "- high, line 5: It hides errors."]
    assert len(lines) == 5


def test_failures_and_results_of_any_other_form_are_told() -> None:
    assert tell(status="failed", error={"message": "no model"})[0] == "failed: no model"
    assert tell(result={"text": "first\nsecond"})[0] == "first"
    assert tell(result=None)[0] == "completed"
    assert tell(result={"votes": 1, "receipt": [], "data": {"findings": None}})[0] == "0 findings"
