"""AI columns in SQL: a table, runs of an orchestrator, and answers of models."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from tests.support.sql.agent import Agent, Row
from tests.support.sql.database import Connection, Database, rows
from tests.support.sql.waits import claim_flow, finish

SCHEMA: Final = "shop"
TICKETS: Final = """
create table shop.tickets (
  id bigint generated always as identity primary key,
  subject text,
  body text,
  author uuid,
  summary text
)
"""


class Columns:
    """A schema `shop` of the owner's, and the runs of one orchestrator."""

    def __init__(self, database: Database, owner: Connection, agent: Agent) -> None:
        self.database = database
        self.owner = owner
        self.agent = agent

    async def add(
        self, name: str = "summary", prompt: str = "Sum up: {body}", **fields: Any
    ) -> Any:
        """Install an AI column of `shop.tickets`, or of `table`; return its id."""
        table = fields.pop("table", "shop.tickets")
        named = "".join(f", {field} => ${nth}" for nth, field in enumerate(fields, 4))
        return await self.owner.fetchval(
            f"select cogo.ai_column($1::text::regclass, $2, $3{named})",
            table,
            name,
            prompt,
            *fields.values(),
        )

    async def run(self, limit: int = 500) -> Row:
        """Run all columns once."""
        [row] = await self.agent.connection.fetch(
            "select * from public.cogo_run_columns('cio-1', $1, 'test.supabase.co')", limit
        )
        return dict(row)

    async def settle(self, limit: int = 500) -> None:
        """Run all columns until nothing is left to do but what waits for answers."""
        for _ in range(50):
            ran = await self.run(limit)
            assert ran["standing_still"] is None
            errors = await self.owner.fetch("select error from cogo.ai_columns where error <> ''")
            assert not errors, errors
            if not (ran["is_more"] or ran["collected"] or ran["applied"]):
                return
        raise AssertionError("the columns find no rest")

    async def open_tasks(self) -> list[Row]:
        """Return the open tasks of all columns, in order."""
        return rows(
            await self.agent.connection.fetch(
                "select * from public.cogo_tasks"
                " where column_id is not null and finished_at is null order by seq"
            )
        )

    async def answer(self, *values: object, usd: float = 0.01) -> list[Row]:
        """Settle, answer the open tasks (the last value for all others), and settle again."""
        await self.settle()
        tasks = await self.open_tasks()
        for nth, task in enumerate(tasks):
            value = values[min(nth, len(values) - 1)]
            output = value if isinstance(value, dict) else {"text": value}
            await finish(self.agent, task["id"], usd, **({"model_used": "m"} | output))
        await self.settle()
        return tasks

    async def fail(self, task_id: UUID, error_class: str = "content_filtered") -> None:
        """Fail a task for good; by default it is the row's fault."""
        lease = await claim_flow(self.agent, task_id)
        error = {"class": error_class, "message": "it did not work"}
        await self.agent.fail(lease, "give_up", error=error)

    async def cells(self, **where: object) -> list[Row]:
        """Return the cells, by key."""
        found = await self.agent.connection.fetch(
            "select * from public.cogo_column_cells order by column_name, key"
        )
        return [
            row for row in rows(found) if all(row[name] == value for name, value in where.items())
        ]

    async def states(self) -> dict[Any, str]:
        """Return the state of each cell, by the first column of its key."""
        return {cell["key"][0]: cell["state"] for cell in await self.cells()}

    async def column(self, column_id: UUID) -> Row:
        """Return the row of a column."""
        [row] = await self.agent.connection.fetch(
            "select * from public.cogo_columns where id = $1", column_id
        )
        return dict(row)

    async def find_traces(self) -> list[str]:
        """Return the tables of columns that are not empty."""
        tables = ("columns", "column_versions", "cells", "edits", "counts", "refusals")
        counts = {
            table: await self.owner.fetchval(f"select count(*) from cogo.ai_{table}")  # noqa: S608
            for table in tables
        }
        return [table for table, count in counts.items() if count]

    async def values(self, name: str = "summary", table: str = "shop.tickets") -> dict[Any, Any]:
        """Return the values of a column by id."""
        found = await self.owner.fetch(f"select id, {name} as value from {table} order by id")  # noqa: S608
        return {row["id"]: row["value"] for row in found}


@asynccontextmanager
async def open_columns(database: Database) -> AsyncIterator[Columns]:
    """Make the schema `shop` with the table `tickets`; drop it, and all columns, at the end."""
    owner = await database.connect("postgres")
    await owner.execute(
        f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}; {TICKETS}"
    )
    columns = Columns(database, owner, Agent(await database.connect(), "cio-1"))
    try:
        yield columns
    finally:
        await owner.execute(f"drop schema {SCHEMA} cascade")
        await owner.execute("select cogo.forget_column(c) from cogo.ai_columns c")
