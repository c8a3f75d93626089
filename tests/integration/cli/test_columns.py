"""`cogo columns` on a database of its own; the answers of models are the test's."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from cogo.cli.app import run
from embedded.state import State
from tests.support.sql.agent import Agent
from tests.support.sql.columns import Columns
from tests.support.sql.database import Database

Say = Callable[..., tuple[int, str, str]]
Sql = Callable[[str], Any]

TABLE: Final = "desk.My Tickets"
SQL_TABLE: Final = 'desk."My Tickets"'
DROP: Final = """
    delete from cogo.ai_columns;
    delete from cogo.ai_cells;
    delete from cogo.ai_edits;
    delete from cogo.ai_counts;
    drop schema if exists desk cascade;
"""
CREATE: Final = """
    create schema desk;
    create table desk."My Tickets" (id int, part text, body text, summary text, level int,
      primary key (id, part));
    insert into desk."My Tickets" (id, part, body) select i, 'a', 'text ' || i
      from generate_series(1, 30) i;
"""
ADD: Final = ("add", TABLE, "summary", "--prompt", "Sum up: {body}")


@pytest.fixture
def sql(project: State) -> Iterator[Sql]:
    """Run a statement as the owner of a table without AI columns."""

    async def execute(statement: str) -> Any:
        async with AsyncExitStack() as stack:
            owner = await Database(project.db_url, stack).connect("postgres")
            return await owner.fetch(statement)

    def say(statement: str) -> Any:
        return asyncio.run(execute(statement))

    async def clear(then: str) -> None:
        async with AsyncExitStack() as stack:
            owner = await Database(project.db_url, stack).connect("postgres")
            await owner.execute(DROP + then)

    asyncio.run(clear(CREATE))
    yield say
    asyncio.run(clear(""))


@pytest.fixture
def cogo(
    project: State,
    sql: Sql,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Say:
    """Run a command of `cogo columns`; return its exit code and what it printed."""
    monkeypatch.setenv("SUPABASE_URL", project.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", project.secret_key)
    monkeypatch.setenv("SUPABASE_DB_URL", project.db_url)
    # Nobody is called: the key makes models eligible, so that they have a price.
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-" + "x" * 40)
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / "no.env"))
    monkeypatch.chdir(tmp_path)

    def say(*arguments: str) -> tuple[int, str, str]:
        code = run(["columns", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return say


def parse(said: tuple[int, str, str]) -> Any:
    code, out, err = said
    assert code == 0, err
    return json.loads(out)


def answer(project: State, *values: object) -> None:
    """Run the columns, answer all open tasks, and run them again."""

    async def play() -> None:
        async with AsyncExitStack() as stack:
            database = Database(project.db_url, stack)
            owner = await database.connect("postgres")
            columns = Columns(database, owner, Agent(await database.connect(), "cio-1"))
            await columns.answer(*values)

    asyncio.run(play())


def test_a_column_is_added_after_its_price_was_shown(cogo: Say, sql: Sql, project: State) -> None:
    looked = parse(cogo(*ADD, "--max-usd-per-day", "0.01", "--dry-run", "--json"))
    shown = cogo(*ADD, "--max-usd-per-day", "0.01", "--dry-run")
    unasked = cogo(*ADD, "--backfill")
    nothing = sql("select from cogo.ai_columns")
    added = parse(cogo(*ADD, "--max-usd-per-day", "2", "--backfill", "--yes", "--json"))
    again = cogo(*ADD)
    answer(project, "short", "shorter")
    listed = parse(cogo("list", "--json"))
    status = cogo("status", TABLE, "summary")[1]
    cells = parse(cogo("status", TABLE, "--rows", "--all", "--json"))

    assert looked["rows"] == 30
    assert looked["model"].startswith("claude-")
    usd = looked["estimate"]["usd"]
    assert 0 < usd["low"] < usd["expected"] < usd["high"]
    assert "`body`" in looked["example"]
    assert "30 without a value" in shown[1]
    assert "at $0.01 a day" in shown[1]
    assert unasked[0] == 1
    assert "nobody was asked: Fill 30 rows? It costs about $" in unasked[2]
    assert nothing == []
    assert again[0] == 1
    assert "is an AI column already" in again[2]
    assert [each["id"] for each in listed] == [added["id"]]
    assert (listed[0]["done"], listed[0]["max_usd_per_day"]) == (30, "2")
    assert "30 done, 0 pending" in status
    assert "today of $2.00" in status
    assert [each["key"] for each in cells[:2]] == [[1, "a"], [2, "a"]]
    assert {(each["state"], each["cost_usd"]) for each in cells} == {("done", "0.01")}


def test_what_cannot_be_an_ai_column_says_what_to_do(cogo: Say) -> None:
    missing = cogo("add", TABLE, "nothing", "--prompt", "{body}")
    unknown = cogo("add", TABLE, "summary", "--prompt", "{nobody}")
    plain = cogo("add", "desk.no such", "summary", "--prompt", "{body}")
    silent = cogo("add", TABLE, "summary")
    model = cogo(*ADD, "--model", "no-such-model")
    absent = cogo("pause", TABLE, "summary")
    statement = cogo(*ADD, "--sql")

    assert f"alter table {SQL_TABLE} add column nothing text" in missing[2]
    assert "its columns are: id, part, body" in unknown[2]
    assert "there is no such table" in plain[2]
    assert "--prompt is missing" in silent[2]
    assert "no-such-model" in model[2]
    assert "is no AI column; there are: none yet" in absent[2]
    assert [each[0] for each in (missing, unknown, plain, silent, model, absent)] == [
        1,
        1,
        1,
        2,
        2,
        1,
    ]
    assert statement[1].startswith(f"select cogo.ai_column(\n  '{SQL_TABLE}', 'summary',")


def test_a_change_makes_values_stale_and_is_taken_back(cogo: Say, sql: Sql, project: State) -> None:
    named = (TABLE, "summary")
    cogo(*ADD, "--source", "part", "--backfill", "--yes", "--no-wait")
    answer(project, "short")
    priced = parse(cogo("change", *named, "--prompt", "{body}!", "--dry-run", "--json"))
    capped = parse(cogo("change", *named, "--max-usd-per-day", "3", "--json"))
    changed = parse(cogo("change", *named, "--prompt", "{body}!", "--json"))
    same = cogo("change", *named)
    counted = parse(cogo("backfill", *named, "--stale", "--dry-run", "--json"))
    begun = parse(cogo("backfill", *named, "--stale", "--limit", "5", "--yes", "--json"))
    answer(project, "anew")
    row = parse(cogo("status", *named, "--json"))[0]
    reverted = cogo("revert", *named)

    assert priced["rows"] == 30
    assert (capped["version"], changed["version"]) == (1, 2)
    assert "nothing to change" in same[2]
    assert (counted["rows"], begun["rows"]) == (30, 5)
    assert counted["estimate"]["usd"]["expected"] > 0
    assert (row["done"], row["stale"], row["sources"]) == (5, 25, ["part", "body"])
    assert row["max_usd_per_day"] == "3"
    assert "has version 1: Sum up: {body}" in reverted[1]
    assert "made by another version: 5 values" in reverted[2]
    [after] = parse(cogo("status", *named, "--json"))
    assert (after["version"], after["done"], after["stale"]) == (1, 25, 5)
    assert len(sql("select from cogo.ai_column_versions")) == 2


def test_a_column_pauses_goes_on_and_is_dropped(cogo: Say, sql: Sql, project: State) -> None:
    cogo("add", TABLE, "level", "--prompt", "How bad, 1 to 3? {body}")
    paused = cogo("pause", TABLE, "--reason", "look first")
    sql("""update desk."My Tickets" set body = body || '!' where id <= 3""")
    answer(project)
    waiting = cogo("status")[1]
    resumed = cogo("resume", TABLE)
    answer(project, {"data": {"value": 2}}, {"data": {"value": "worse"}})
    answer(project, {"data": {"value": "worse"}})
    failed = cogo("status", TABLE, "--failed")[1]
    grouped = cogo("status")[1]
    asked = cogo("drop", TABLE)
    dropped = parse(cogo("drop", TABLE, "--yes", "--json"))

    assert paused[1] == f"{TABLE}.level is paused\n"
    assert "look first; `cogo columns resume` ends it" in waiting
    assert "3 pending" in waiting
    assert "goes on: 3 pending" in resumed[1]
    assert "id=2, part=a" in failed
    assert "2 x " in grouped
    assert "nobody was asked" in asked[2]
    assert dropped["dropped"]
    levels = sql('select level from desk."My Tickets" order by id limit 2')
    assert [each["level"] for each in levels] == [2, None]
    assert sql("select from cogo.ai_cells") == []
