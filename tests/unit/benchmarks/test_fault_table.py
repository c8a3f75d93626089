"""The table of faults shows the latest records only."""

import json
from pathlib import Path
from typing import Any

from benchmarks.fault_table import fault_page

AROUND = {"machine": {"cores": 2, "cpu": "a"}, "load_before": 0.1, "commit": "abc"}


def a_row(client: str, date: str = "2026-11-21 10:00", **fields: Any) -> dict[str, Any]:
    outcome = {"fault": "cut", "outcome": "whole answer (attempt 2)", "saw": ["connection"]}
    ours = {"asked_next": ["model-b"], "cost_usd": None}
    return outcome | ours | {"client": client, "date": date} | AROUND | fields


def page(record: Path, *rows: dict[str, Any]) -> str:
    record.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return fault_page(record)["faults.md"]


def test_only_the_last_run_is_shown_and_unknown_costs_stay_unknown(tmp_path: Path) -> None:
    said = page(
        tmp_path / "r.jsonl",
        a_row("cogo (openai)", "2026-11-20 10:00", outcome="whole answer (attempt 9)"),
        a_row("cogo (openai)"),
        a_row("peer", pins=["peer==1.0"], outcome="CUT ANSWER PASSED OFF AS WHOLE", saw=[]),
    )

    assert "attempt 9" not in said
    assert "| fault | cogo (openai) | peer==1.0 |" in said
    assert "| cut | whole answer (attempt 2) | **cut answer passed off as whole** |" in said
    assert "| openai | cut | connection | model-b | - |" in said


def test_a_failure_names_what_its_user_sees(tmp_path: Path) -> None:
    said = page(tmp_path / "r.jsonl", a_row("peer", outcome="failed, said so", saw=["APIError"]))

    assert "failed, said so: APIError" in said


def test_without_a_record_there_is_no_page(tmp_path: Path) -> None:
    assert fault_page(tmp_path / "none.jsonl") == {}
