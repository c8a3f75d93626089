"""`scripts/migrations new`: the steps that it writes, and those it leaves to a person."""

from typing import Any

import pytest

from scripts.schema.catalogue import differences
from scripts.schema.statements import Step, plan_steps

COLUMN = {
    "of_table": "cogo.things",
    "column": "name",
    "position": 1,
    "type": "text",
    "is_not_null": False,
    "identity": "",
    "generated": "",
    "default": None,
    "comment": None,
    "rights": [],
}
TABLE = {"comment": "Things.", "has_rls": True, "options": [], "rights": ["SELECT service_role"]}
FUNCTION = {
    "comment": "Return a thing.",
    "definition": "CREATE OR REPLACE FUNCTION cogo.thing() RETURNS integer LANGUAGE sql RETURN 1\n",
    "arguments": "",
    "result": "integer",
    "rights": ["EXECUTE service_role"],
}
INDEX = {"definition": "CREATE INDEX things_name ON cogo.things USING btree (name)"}
CHECK = {
    "of_table": "cogo.things",
    "constraint": "things_name",
    "definition": "CHECK (name <> '')",
    "is_foreign": False,
}
EVERYBODY = "public, anon, authenticated, service_role"
KINDS = (
    *("schema", "sequence", "table", "column", "constraint", "index", "view", "function"),
    *("trigger", "policy", "publication"),
)
Objects = dict[str, dict[str, dict[str, Any]]]


def snapshot(**kinds: dict[str, dict[str, Any]]) -> Objects:
    return {kind: kinds.get(kind, {}) for kind in KINDS}


def with_column(**changes: Any) -> Objects:
    return snapshot(
        table={"cogo.things": TABLE}, column={"cogo.things.name": {**COLUMN, **changes}}
    )


NOTHING = snapshot()
THINGS = with_column()


@pytest.mark.parametrize(
    ("state", "todo"),
    [
        (with_column(type="integer"), "has another type"),
        (with_column(is_not_null=True), "is not null now"),
        (NOTHING, "table cogo.things is gone"),
        (snapshot(table={"cogo.things": TABLE}), "column cogo.things.name is gone"),
    ],
    ids=["type", "not null", "table", "column"],
)
def test_steps_that_may_lose_data_are_left_to_a_person(state: Objects, todo: str) -> None:
    [step] = plan_steps(THINGS, state)

    assert todo in step.todo
    assert not step.sql


def test_a_new_column_without_a_value_for_old_rows_is_left_to_a_person() -> None:
    state = with_column()
    state["column"]["cogo.things.size"] = {**COLUMN, "column": "size", "is_not_null": True}

    [step] = plan_steps(THINGS, state)

    assert "is new and not null without a default" in step.todo


@pytest.mark.parametrize(
    ("road", "state", "statements"),
    [
        (THINGS, THINGS, []),
        (
            NOTHING,
            THINGS,
            [
                "create table cogo.things (\n  name text\n)",
                "alter table cogo.things enable row level security",
                "comment on table cogo.things is\n  'Things.'",
                f"revoke all on table cogo.things from {EVERYBODY}",
                "grant select on table cogo.things to service_role",
            ],
        ),
        (
            THINGS,
            with_column(default="'x'::text", comment="It's a name."),
            [
                "alter table cogo.things alter column name set default 'x'::text",
                "comment on column cogo.things.name is\n  'It''s a name.'",
            ],
        ),
        (
            with_column(is_not_null=True, default="'x'::text"),
            THINGS,
            [
                "alter table cogo.things alter column name drop default",
                "alter table cogo.things alter column name drop not null",
            ],
        ),
        (
            snapshot(function={"cogo.thing()": FUNCTION}),
            snapshot(function={"cogo.thing()": {**FUNCTION, "rights": []}}),
            ["revoke execute on function cogo.thing() from service_role"],
        ),
        (
            snapshot(function={"cogo.thing()": {**FUNCTION, "result": "bigint"}}),
            snapshot(function={"cogo.thing()": {**FUNCTION, "definition": "CREATE 2"}}),
            [
                "drop function cogo.thing()",
                "CREATE 2",
                "comment on function cogo.thing() is\n  'Return a thing.'",
                f"revoke all on function cogo.thing() from {EVERYBODY}",
                "grant execute on function cogo.thing() to service_role",
            ],
        ),
        (
            snapshot(function={"cogo.thing()": FUNCTION}, index={"cogo.things_name": INDEX}),
            NOTHING,
            ["drop index if exists cogo.things_name", "drop function cogo.thing()"],
        ),
        (
            snapshot(table={"cogo.things": TABLE}, constraint={"cogo.things.c": CHECK}),
            snapshot(
                table={"cogo.things": TABLE},
                constraint={"cogo.things.c": {**CHECK, "definition": "CHECK (true)"}},
            ),
            [
                "alter table cogo.things drop constraint things_name",
                "alter table cogo.things add constraint things_name CHECK (true)",
            ],
        ),
    ],
    ids=[
        *("nothing", "table", "column", "looser column", "rights", "result", "gone", "constraint"),
    ],
)
def test_safe_steps_are_written(road: Objects, state: Objects, statements: list[str]) -> None:
    assert plan_steps(road, state) == [Step(each) for each in statements]


def test_differences_name_the_object_and_what_differs() -> None:
    assert differences(THINGS, THINGS) == []
    assert differences(THINGS, with_column(type="integer")) == ["column cogo.things.name: type"]
    assert differences(NOTHING, snapshot(index={"cogo.i": INDEX})) == [
        "index cogo.i: missing in the migrations"
    ]
    assert differences(snapshot(index={"cogo.i": INDEX}), NOTHING) == [
        "index cogo.i: missing in the schema"
    ]
