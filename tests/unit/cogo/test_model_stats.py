"""What `cogo models stats` and `why` say of calls of tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from cogo.cli.models.stats import show_stats, sum_calls
from protocol.records.models import ModelOutcomes, ModelReport, OutcomeRow


def a_row(model: str, kind: str, **fields: Any) -> OutcomeRow:
    return OutcomeRow(model_id=model, kind=kind, **fields)


ROWS = [
    a_row("a", "tools", called=30, calls_rejected=0.2, calls_failed=0.1, calls_as_text=1.0),
    a_row("a", "chat", called=10, calls_rejected=0.6, calls_repaired=0.4),
    a_row("a", "tools", after=["b"], called=50, calls_rejected=1.0),
    a_row("b", "chat", answered=9),
]


def test_shares_are_over_all_kinds_of_work_and_first_answers() -> None:
    assert sum_calls(ROWS) == {
        "a": {
            "attempts": 40,
            "repaired": pytest.approx(0.1),
            "rejected": pytest.approx(0.3),
            "as_text": pytest.approx(0.75),
            "failed": pytest.approx(0.075),
        }
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_statistics_show_the_share_of_rejected_calls(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = [
        ModelReport(
            model_id=name, health="ok", selections=1, attempts=1, completed=1, failed=0,
            input_tokens=1, output_tokens=1, ratings=0,
        )
        for name in ("a", "b")
    ]  # fmt: skip
    found = ModelOutcomes(outcomes=ROWS, checks=[])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("cogo.cli.models.stats.run_with_store", lambda *_: (report, [], found))

    show_stats(since=None, directory=Path(), as_json=as_json)

    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["calls"]["a"]["rejected"] == pytest.approx(0.3)
    else:
        heading, first, second = printed.splitlines()
        assert heading.split()[-2:] == ["BAD", "CALLS"]
        assert first.endswith("30% of 40")
        assert second.rstrip().endswith("-")
