"""What kinds of columns, keys, tables and names AI columns can have."""

# ruff: noqa: S608 -- the statements are put together from our own names.

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import asyncpg
import pytest

from tests.support.sql.agent import Row
from tests.support.sql.columns import Columns
from tests.support.sql.database import ALICE, BOB
from tests.support.sql.waits import finish

pytestmark = pytest.mark.db


TYPES: Final[list[tuple[str, Any, Any, Any]]] = [
    ("boolean", True, True, {"type": "boolean"}),
    ("smallint", 7, 7, {"type": "integer", "minimum": -32768, "maximum": 32767}),
    ("bigint", 2**40, 2**40, None),
    (
        "numeric(5,2)", 1.25, Decimal("1.25"),
        {"type": "number", "minimum": -999.99, "maximum": 999.99},
    ),
    ("double precision", 0.5, 0.5, {"type": "number"}),
    ("varchar(5)", "abcde", "abcde", {"type": "string", "maxLength": 5}),
    ("date", "2026-01-02", date(2026, 1, 2), {"type": "string", "format": "date"}),
    (
        "timestamptz", "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        {"type": "string", "format": "date-time"},
    ),
    ("uuid", str(ALICE), ALICE, {"type": "string", "format": "uuid"}),
    ("shop.mood", "so so", "so so", {"type": "string", "enum": ["good", "so so"]}),
    ("shop.mood[]", ["good"], ["good"], None),
    ("text[]", ["a", "b,c"], ["a", "b,c"], {"type": "array", "items": {"type": "string"}}),
    ("jsonb", {"a": [1]}, {"a": [1]}, {}),
    ("shop.small", 3, 3, None),
]  # fmt: skip


async def test_the_type_decides_what_is_asked_for(columns: Columns) -> None:
    await columns.owner.execute(
        "create type shop.mood as enum ('good', 'so so');"
        "create domain shop.small as integer check (value < 10)"
    )
    answers = {}
    for nth, (type_, answer, _, schema) in enumerate(TYPES):
        await columns.owner.execute(f"alter table shop.tickets add made{nth} {type_}")
        answers[await columns.add(f"made{nth}")] = (answer, schema)
    of_schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    await columns.owner.execute("alter table shop.tickets add shaped jsonb")
    answers[await columns.add("shaped", schema=of_schema)] = ({"a": 1}, of_schema)
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    await columns.settle()
    tasks = await columns.open_tasks()
    assert len(tasks) == len(TYPES) + 1
    for task in tasks:
        answer, schema = answers[task["column_id"]]
        asked = task["params"]["response_schema"]["properties"]["value"]
        assert schema is None or asked == schema
        await finish(columns.agent, task["id"], data={"value": answer})
    await columns.settle()
    row = await columns.owner.fetchrow("select * from shop.tickets")
    assert row is not None
    for nth, (type_, _, value, _) in enumerate(TYPES):
        assert row[f"made{nth}"] == value, type_
    assert row["shaped"] == {"a": 1}


async def test_an_answer_that_does_not_fit_is_asked_for_once_more(columns: Columns) -> None:
    await columns.owner.execute(
        "create domain shop.small as integer check (value < 10);"
        "alter table shop.tickets add a varchar(3), add b smallint, add c shop.small"
    )
    for name in "abc":
        await columns.add(name)
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    wrong: Row = {"data": {"value": 99999}}
    await columns.answer(wrong)
    again = await columns.answer({"data": {}})

    assert len(again) == 3
    assert all("refused by the database" in task["prompt"] for task in again)
    for cell in await columns.cells():
        assert (cell["state"], cell["reason"]) == ("failed", "the answer has no value")


async def test_embeddings_are_asked_for_many_at_once_and_singly_after_a_failure(
    columns: Columns,
) -> None:
    await columns.owner.execute("alter table shop.tickets add made real[]")
    await columns.add(
        "made", "{subject}: {body}", model="e", params={"embed": True, "dimensions": 2}
    )
    await columns.owner.execute(
        "insert into shop.tickets (subject, body, author)"
        " select 's', n, case when n < 3 then $1::uuid end from generate_series(1, 4) n",
        ALICE,
    )
    await columns.settle()
    [task] = await columns.open_tasks()
    assert (task["type"], task["params"]) == (
        "EMBED",
        {"input": ["s: 1", "s: 2", "s: 3", "s: 4"], "dimensions": 2},
    )
    await columns.answer({"embeddings": [[0, n] for n in range(4)]})
    found = await columns.owner.fetch("select made from shop.tickets order by id")
    assert [row["made"] for row in found] == [[0, n] for n in range(4)]

    await columns.owner.execute("update shop.tickets set subject = 't' where id < 4")
    await columns.settle()
    [task] = await columns.open_tasks()
    await columns.fail(task["id"])
    await columns.settle()
    alone = await columns.open_tasks()
    assert [each["params"]["input"] for each in alone] == [["t: 1"], ["t: 2"], ["t: 3"]]
    await columns.fail(alone[0]["id"])
    await columns.answer({"embeddings": [[9, 9]]})
    assert await columns.states() == {1: "failed", 2: "done", 3: "done", 4: "done"}


async def test_each_owner_has_tasks_of_their_own(columns: Columns) -> None:
    await columns.owner.execute("alter table shop.tickets add made real[]")
    await columns.add("made", model="e", params={"embed": True}, owner_column="author")
    await columns.owner.execute(
        "insert into shop.tickets (body, author) values"
        " ('a', $1), ('b', $2), ('c', $1), ('d', null)",
        ALICE,
        BOB,
    )
    await columns.settle()
    tasks = await columns.open_tasks()
    assert {(task["owner"], len(task["params"]["input"])) for task in tasks} == {
        (ALICE, 2),
        (BOB, 1),
        (None, 1),
    }
    alice = await columns.database.connect("authenticated", ALICE)
    seen = await alice.fetch(
        "select key, table_name, column_name, owner from public.cogo_column_cells"
    )
    assert {(row["key"][0], row["owner"]) for row in seen} == {(1, ALICE), (3, ALICE)}
    assert await alice.fetchval("select count(*) from public.cogo_tasks") == 1
    for refused in (
        "select prompt from cogo.ai_column_versions",
        "select from public.cogo_columns",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await alice.execute(refused)


KEYS: Final = [
    ("uuid", [str(ALICE), str(BOB)]),
    ("text", ["a''b\"", "ünï{code}"]),
    ("numeric", ["1.50", "12345678901234567890.000000000000001"]),
    ("double precision", ["0.1", "1e300"]),
    ("timestamptz", ["2026-01-02 03:04:05.678901+02", "infinity"]),
    ("bytea", ["\\x00ff", "\\x"]),
    ("date", ["2026-01-02", "2026-01-03"]),
]


async def test_any_primary_key_finds_its_row_again(columns: Columns) -> None:
    async def read() -> list[str]:
        return [
            row["made"]
            for nth in range(len(KEYS))
            for row in await columns.owner.fetch(f"select made from shop.things{nth}")
        ]

    for nth, (type_, values) in enumerate(KEYS):
        await columns.owner.execute(
            f"create table shop.things{nth} (id {type_} primary key, body text, made text)"
        )
        await columns.add("made", table=f"shop.things{nth}")
        for value in values:
            await columns.owner.execute(f"insert into shop.things{nth} values ('{value}', 'x')")
    await columns.answer("made")
    assert await read() == ["made"] * 2 * len(KEYS)
    await columns.owner.execute("set timezone = 'Asia/Tokyo'; set extra_float_digits = 0")
    for nth in range(len(KEYS)):
        await columns.owner.execute(f"update shop.things{nth} set body = 'y' where true")
    await columns.answer("anew")
    assert await read() == ["anew"] * 2 * len(KEYS)
    assert len(await columns.cells(state="done")) == 2 * len(KEYS)
    for nth in range(len(KEYS)):
        await columns.owner.execute(f"delete from shop.things{nth} where true")
    await columns.settle()
    assert await columns.cells() == []


async def test_a_change_that_a_collation_ignores_is_a_change(columns: Columns) -> None:
    try:
        await columns.owner.execute(
            "create collation shop.blind"
            " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    except asyncpg.FeatureNotSupportedError:
        pytest.skip("this Postgres has no ICU")
    await columns.owner.execute(
        "create table shop.things"
        " (id text collate shop.blind primary key, body text collate shop.blind, made text)"
    )
    await columns.add("made", table="shop.things")
    await columns.owner.execute("insert into shop.things values ('a', 'x')")
    await columns.answer("made")
    await columns.owner.execute("update shop.things set id = 'A', body = 'X' where true")
    await columns.answer("anew")
    assert await columns.owner.fetchval("select made from shop.things") == "anew"
    assert [cell["key"] for cell in await columns.cells()] == [["A"]]


async def test_a_key_of_several_columns_moves(columns: Columns) -> None:
    await columns.owner.execute(
        "create table shop.things (a text, b int, body text, made text, primary key (b, a))"
    )
    await columns.add("made", table="shop.things")
    await columns.owner.execute("insert into shop.things values ('x', 1, 'body'), ('y', 1, 'body')")
    await columns.answer("made")
    await columns.owner.execute("update shop.things set b = 2, a = 'z' where a = 'x'")
    assert await columns.answer("not asked") == []
    assert [cell["key"] for cell in await columns.cells()] == [[1, "y"], [2, "z"]]


async def test_partitions_also_later_ones_and_moves_between_them(columns: Columns) -> None:
    await columns.owner.execute(
        "create table shop.parts (id int, at int, body text, made text, primary key (id, at))"
        " partition by range (at);"
        "create table shop.part1 partition of shop.parts for values from (0) to (10)"
    )
    await columns.add("made", table="shop.parts")
    await columns.owner.execute(
        "create table shop.part2 (made text, body text, at int not null, id int not null);"
        "alter table shop.parts attach partition shop.part2 for values from (10) to (20);"
        "insert into shop.parts values (1, 1, 'a'), (2, 11, 'b');"
        "insert into shop.part2 (id, at, body) values (3, 12, 'c')"
    )
    assert len(await columns.answer("made")) == 3
    await columns.owner.execute("update shop.parts set at = 2 where id = 2")
    assert await columns.answer("not asked") == []
    assert await columns.states() == {1: "done", 2: "done", 3: "done"}

    await columns.owner.execute(
        "truncate shop.part2; insert into shop.part2 (id, at) values (3, 12)"
    )
    await columns.settle()
    assert await columns.values("made", "shop.parts") == {1: "made", 2: "made", 3: None}
    await columns.owner.execute("drop table shop.part1")
    await columns.settle()
    assert await columns.states() == {3: "done"}


async def test_generated_columns_are_sources(columns: Columns, cluster: Any) -> None:
    kind = "virtual" if cluster.major >= 18 else "stored"
    await columns.owner.execute(
        f"alter table shop.tickets add loud text generated always as (upper(body)) {kind}"
    )
    await columns.add(prompt="{loud}")
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    [task] = await columns.answer("first")
    assert "ONE" in task["prompt"]
    await columns.owner.execute("update shop.tickets set subject = 'x', body = 'two' where true")
    [task] = await columns.answer("second")
    assert "TWO" in task["prompt"]
    assert await columns.values() == {1: "second"}
    with pytest.raises(asyncpg.PostgresError, match="generated column"):
        await columns.add("loud")


async def test_hostile_names(columns: Columns) -> None:
    long = "ü" * 31
    table, key, source, target = 'T"; drop', "$1' or $body$", long, "sel''ect \"x\" %I %1$s"
    quoted = ['"' + name.replace('"', '""') + '"' for name in (table, key, source, target)]
    q_table, q_key, q_source, q_target = quoted
    await columns.owner.execute(
        f'create schema "Sh""op"; create table "Sh""op".{q_table}'
        f" ({q_key} int primary key, {q_source} text, {q_target} text)"
    )
    try:
        await columns.add(target, f"Say {{{source}}}", table=f'"Sh""op".{q_table}')
        await columns.owner.execute(f'insert into "Sh""op".{q_table} values (1, $1)', "one")
        [task] = await columns.answer("value")
        assert f"Say `{source}`" in task["prompt"]
        await columns.owner.execute(f'update "Sh""op".{q_table} set {q_source} = $1', "two")
        await columns.answer("again")
        found = await columns.owner.fetchval(f'select {q_target} from "Sh""op".{q_table}')
        assert found == "again"
        [cell] = await columns.cells()
        assert (cell["table_name"], cell["column_name"]) == (f'"Sh""op".{q_table}', target)
    finally:
        await columns.owner.execute('drop schema "Sh""op" cascade')


async def test_source_types_can_be_altered(columns: Columns) -> None:
    await columns.add()
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    await columns.answer("first")
    await columns.owner.execute(
        "alter table shop.tickets alter body type varchar(100), alter id type int"
    )
    await columns.owner.execute("update shop.tickets set body = 'two' where true")
    await columns.answer("second")
    assert await columns.values() == {1: "second"}


async def test_dropped_columns_and_tables(columns: Columns) -> None:
    column_id = await columns.add()
    await columns.owner.execute("insert into shop.tickets (body) values ('one')")
    await columns.settle()
    await columns.owner.execute("alter table shop.tickets drop body")
    await columns.owner.execute("insert into shop.tickets (subject) values ('two')")
    await columns.settle()
    row = await columns.column(column_id)
    assert row["standing_still"].startswith("its source column body was dropped")
    assert await columns.add(prompt="{subject}") == column_id
    await columns.settle()
    assert (await columns.column(column_id))["standing_still"] is None
    await columns.answer("value")
    assert (await columns.values())[2] == "value"

    await columns.owner.execute("drop table shop.tickets")
    await columns.settle()
    assert await columns.find_traces() == []
    assert await columns.open_tasks() == []
    functions = "select count(*) from pg_proc where proname like 'cogo\\_column\\_%'"
    assert await columns.owner.fetchval(functions + " and pronamespace = 'cogo'::regnamespace") == 0


REFUSED: Final = [
    ("'pg_class', 'relname', '{oid}'", "table of the system"),
    ("'shop.v', 'id', '{id}'", "no table that keeps its rows"),
    ("'shop.nokey', 'b', '{a}'", "no primary key"),
    ("'shop.tickets', 'nothing', '{body}'", "no column nothing"),
    ("'shop.tickets', 'id', '{body}'", "generated column"),
    ("'shop.tickets', 'summary', '{bdy}'", "no column bdy"),
    ("'shop.tickets', 'summary', 'x {'", "brace"),
    ("'shop.tickets', 'summary', 'x'", "names no column"),
    ("'shop.tickets', 'summary', ' '", "empty"),
    ("'shop.tickets', 'summary', '{summary}'", "made from itself"),
    ("'shop.tickets', 'raw', '{body}'", "models cannot write"),
    ("'shop.tickets', 'floats', '{body}'", "embedding"),
    ("'shop.tickets', 'floats', '{body}', params => '{\"embed\": true}'", "no embedding model"),
    ("'shop.tickets', 'summary', '{body}', -1", "0 or more"),
    ("'shop.tickets', 'summary', '{body}', open_tasks => 0", "open_tasks"),
    ("'shop.tickets', 'summary', '{body}', params => '[]'", "objects"),
    ("'shop.tickets', 'summary', '{body}', owner_column => 'x'", "owner_column"),
]


async def test_what_cannot_be_installed_is_refused_with_a_sentence(columns: Columns) -> None:
    await columns.owner.execute(
        "create view shop.v as select 1 as id; create table shop.nokey (a text, b text);"
        "alter table shop.tickets add raw bytea, add floats real[]"
    )
    for arguments, said in REFUSED:
        for function in ("ai_column", "preview_ai_column"):
            with pytest.raises(asyncpg.PostgresError, match=said) as refused:
                await columns.owner.fetch(f"select * from cogo.{function}({arguments})")
            assert refused.value.sqlstate == "TQ004", arguments
            assert refused.value.hint != "", arguments
    assert await columns.owner.fetchval("select count(*) from cogo.ai_columns") == 0


async def test_columns_made_from_each_other_are_refused(columns: Columns) -> None:
    await columns.owner.execute(
        "alter table shop.tickets add loud text generated always as (upper(summary)) stored,"
        " add title text"
    )
    await columns.add("title", "{loud}")
    with pytest.raises(asyncpg.PostgresError, match="made from itself"):
        await columns.add("summary", "{title}")
