"""Schemas that cannot be used, inserted by SQL: what the how-to says of each is what it gets."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import asyncpg
import httpx
import pytest

from protocol.lifecycle import TaskState
from tests.integration.agents.conftest import Fleet
from tests.support.sources import ROOT

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

PAGE: Final = ROOT / "docs" / "how-to" / "get-structured-answers.md"
ROW: Final = re.compile(r"^\| (?P<schema>[^|]+) \| (?P<message>[^|]+) \|$", re.MULTILINE)
FIELD: Final = "params.response_schema"


TOO_LARGE: Final[dict[str, Any]] = {
    "more than 64 KiB, such as `enum` with 3,000 long words": {
        "enum": [f"a long word with number {number}" for number in range(3_000)]
    },
    "more than 100 patterns": {"allOf": [{"pattern": f"a{number}"} for number in range(101)]},
    "25 definitions, each with two `$ref` to the next": {
        "$ref": "#/$defs/d0",
        "$defs": {
            f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 2}
            for number in range(25)
        }
        | {"d25": {}},
    },
}
"""What the page describes instead of showing it."""


def read_rows() -> list[tuple[Any, str]]:
    """Return the schemas of the page's last table, with their messages."""
    table = PAGE.read_text("utf-8").partition("| Schema | Message |\n|---|---|\n")[2]
    rows = []
    for found in ROW.finditer(table):
        shown = found["schema"]
        is_literal = shown.startswith("`") and shown.endswith("`")
        schema = json.loads(shown.strip("`")) if is_literal else TOO_LARGE[shown]
        rows.append((schema, found["message"].strip("`")))
    return rows


@pytest.mark.e2e
async def test_each_wrong_schema_fails_before_anything_is_spent(fleet: OpenFleet) -> None:
    rows = read_rows()
    assert len(rows) >= len(TOO_LARGE) + 12
    async with fleet() as agents:
        await agents.orchestrator()
        await agents.executor("executor-1")
        connection = await asyncpg.connect(agents.server.db_url)
        try:
            ids = [
                await connection.fetchval(
                    "insert into cogo_tasks (type, prompt, params) values ('CHAT', 'Answer.', $1)"
                    " returning id",
                    json.dumps({"response_schema": schema}),
                )
                for schema, _ in rows
            ]
            tasks = [await agents.ended(each) for each in ids]
            async with httpx.AsyncClient(base_url=agents.simulator) as http:
                requests = (await http.get("/_simulator/requests")).json()["requests"]
            calls = await connection.fetchval(
                "select count(*) from cogo_calls where task_id = any($1)", ids
            )

            good = await connection.fetchval(
                "insert into cogo_tasks (type, prompt, params) values ('CHAT', 'Answer.', $1)"
                " returning id",
                json.dumps({"response_schema": {"type": "object", "required": ["n"],
                                                "properties": {"n": {"type": "integer"}}}}),
            )  # fmt: skip
            data = await connection.fetchval(
                "select result -> 'data' from cogo_tasks where id = $1",
                (await agents.ended(good)).id,
            )
        finally:
            await connection.close()

    said = [str((task.error or {}).get("message")) for task in tasks]
    assert said == [f"{FIELD}: {message}." for _, message in rows]
    for task in tasks:
        assert task.status is TaskState.FAILED
        assert task.error is not None
        assert (task.error["class"], task.error["field"]) == ("invalid_task", FIELD)
        assert not task.cost_usd
    assert (requests, calls) == ([], 0)
    assert json.loads(data) == {"n": 1}
