"""`cogo usage`: sums of calls, as tables, JSON and CSV, and beside vendors' bills."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cogo.cli.app import run
from embedded.state import State

ALICE = "00000000-0000-4000-8000-000000000009"
Say = Callable[..., str]


@pytest.fixture
def cogo(chosen_project: State, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on an emptied project; return what it printed."""

    def say(*arguments: str, code: int = 0) -> str:
        assert run(arguments) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return say


def insert_calls(project: State, *calls: dict[str, Any]) -> None:
    """Insert calls of November 2026, each of a task of its own."""

    async def insert() -> None:
        connection = await asyncpg.connect(project.db_url)
        for number, call in enumerate(calls):
            task_id = await connection.fetchval(
                "insert into public.cogo_tasks (prompt, owner) values ('x', $1) returning id",
                call.get("owner"),
            )  # fmt: skip
            await connection.execute(
                "insert into public.cogo_calls (id, outcome, task_id, owner, agent_id, model_id,"
                " provider, provider_model, started_at, ended_at, duration_ms, input_tokens,"
                " output_tokens, cost_usd, project) values (gen_random_uuid(), 'completed', $1, $2,"
                " 'a', $3, $4, $5, $6, $6, 2000, 10, 5, $7, $8)",
                task_id, call.get("owner"), call.get("model", "claude-opus"),
                call.get("provider", "anthropic"),
                call.get("provider_model", "claude-opus-4-5-20251101"),
                call.get("at", datetime(2026, 11, 1, 12, number, tzinfo=UTC)),
                call.get("cost", "1"), call.get("project"),
            )  # fmt: skip
        await connection.close()

    asyncio.run(insert())


def read_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


MONTH = ("--since", "2026-11-01", "--until", "2026-12-01")


def test_before_the_first_call_there_is_nothing_to_add_up(cogo: Say) -> None:
    assert cogo("usage", "--bucket", "day") == "no model was called in this period\n"
    assert json.loads(cogo("usage", "--json"))["rows"] == []
    assert cogo("usage", "--csv").startswith("bucket,model,tasks,calls,")


def test_sums_are_printed_with_the_dearest_first_and_unknown_costs_as_such(
    cogo: Say, project: State
) -> None:
    insert_calls(
        project,
        {"cost": "0.125", "model": "small"},
        {"cost": "0.75", "model": "large"},
        {"cost": None, "model": "strange"},
    )

    table = cogo("usage", *MONTH).splitlines()
    report = json.loads(cogo("usage", *MONTH, "--by", "model", "--by", "owner", "--json"))

    assert [line.split()[0] for line in table] == ["MODEL", "large", "small", "strange"]
    assert "$0.7500" in table[1]
    assert "?" in table[3]
    assert (report["by"], report["bucket"], report["zone"]) == (["model", "owner"], "all", "UTC")
    assert [(row["model"], row["cost_usd"], row["unknown_costs"]) for row in report["rows"]] == [
        ("large", "0.75", 0),
        ("small", "0.125", 0),
        ("strange", None, 1),
    ]


def test_a_month_as_csv_has_a_line_for_each_day_model_and_project(
    cogo: Say, project: State
) -> None:
    last = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    insert_calls(
        project,
        {"project": "=1+1"},
        {"project": "web"},
        {"project": "web"},
        {"at": last, "cost": None},
        {"at": datetime(2026, 12, 1, tzinfo=UTC)},
    )

    text = cogo("usage", "--month", "2026-11", "--csv")
    rows = read_rows(text)
    kolkata = read_rows(cogo("usage", "--month", "2026-12", "--csv", "--zone", "Asia/Kolkata"))

    assert text.splitlines()[0] == (
        "bucket,model,project,tasks,calls,failed,input_tokens,cached_tokens,cache_write_tokens,"
        "output_tokens,reasoning_tokens,cost_usd,unknown_costs,first_token_ms_p50,"
        "first_token_ms_p95,duration_ms_p50,duration_ms_p95,simulated"
    )
    assert [
        (row["bucket"], row["project"], row["calls"], row["cost_usd"], row["unknown_costs"])
        for row in rows
    ] == [
        ("2026-11-01", "web", "2", "2", "0"),
        ("2026-11-01", "'=1+1", "1", "1", "0"),
        ("2026-11-30", "", "1", "", "1"),
    ]
    assert [row["bucket"] for row in kolkata] == ["2026-12-01"] * 1
    assert kolkata[0]["calls"] == "2"


@pytest.mark.parametrize(
    "line",
    [
        "usage --csv --json",
        "usage --month 2026-13",
        "usage --month 2026-11 --since 7d",
        "usage --zone Europe/Nowhere",
        "usage --by day",
        "usage --by model --by owner --by tag",
        "usage --since 2026-11-02 --until 2026-11-01",
        "usage --since 0001-01-01 --zone America/New_York",
        "usage --month 0001-01",
        "usage reconcile",
        "usage reconcile missing.csv",
        "usage reconcile bill.csv --map cost",
        "usage reconcile bill.csv",
        "usage reconcile bill.csv --vendor x --map day=nothing",
        "usage reconcile bill.csv --vendor x --map day=first",
        "usage reconcile bill.csv --vendor x --map day=last",
    ],
)
def test_what_cannot_be_meant_is_refused(cogo: Say, tmp_path: Path, line: str) -> None:
    (tmp_path / "bill.csv").write_text(
        "day,model,cost,first,last\n2026-11-01,m,1,0001-01-01,9999-12-31\n"
    )

    assert cogo(*line.split(), code=2) == ""


def test_booked_costs_agree_with_a_bill_or_not(cogo: Say, project: State, tmp_path: Path) -> None:
    insert_calls(project, {"cost": "1.004"}, {"cost": "2", "provider": "openai"})
    bill = tmp_path / "bill.csv"
    head = "usage_date_utc,model,token_type,cost_usd\n"

    bill.write_text(f"{head}2026-11-01,Claude Opus 4.5,output,1.00\n")
    agrees = cogo("usage", "reconcile", "bill.csv")
    found = json.loads(cogo("usage", "reconcile", "bill.csv", "--json"))
    bill.write_text(
        f"{head}2026-11-01,Claude Opus 4.5,output,2.00\n2026-11-02,Claude Haiku 4.5,output,1.00\n"
    )
    differs = cogo("usage", "reconcile", "bill.csv", code=1)
    tolerated = json.loads(
        cogo("usage", "reconcile", "bill.csv", "--tolerance", "60", "--json", code=1)
    )

    assert "agrees" in agrees
    assert (found["vendor"], found["agrees"], found["zone"]) == ("anthropic", True, "UTC")
    assert (found["first_day"], found["last_day"]) == ("2026-11-01", "2026-11-01")
    assert found["lines"] == [
        {
            "day": "2026-11-01", "model": "Claude Opus 4.5 = claude-opus-4-5-20251101",
            "booked_usd": "1.004", "vendor_usd": "1.00", "difference_usd": "-0.004", "calls": 1,
            "unknown_costs": 0, "verdict": "agrees",
        }
    ]  # fmt: skip
    assert "differs" in differs
    assert "not booked" in differs
    assert [line["verdict"] for line in tolerated["lines"]] == ["agrees", "not booked"]
