"""A migrated database with one clock, and connections as each kind of caller."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SUPABASE: Final = Path(__file__).parents[3] / "supabase"
NOON: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_TABLES: Final = (
    "public.cogo_tasks",
    "public.cogo_sessions",
    "cogo.forgotten_sessions",
    "cogo.search_clock",
    "cogo.usage_sums",
    "cogo.usage_clock",
    "cogo.erasures",
    "public.cogo_agents",
    "public.cogo_model_selections",
    "cogo.wakes",
    "cogo.instance",
    "cogo.lanes",
    "cogo.owners",
    "cogo.lane_clocks",
    "cogo.queue_samples",
    "cogo.deployments",
    "cogo.buckets",
    "cogo.cached_answers",
    "cogo.budgets",
    "cogo.reservations",
    "cogo.grants",
    "public.cogo_project_members",
    "cogo.api_keys",
    "public.cogo_calls",
    "cogo.usage_changes",
    "public.cogo_embeddings",
    "public.cogo_documents",
    "public.cogo_memories",
    "cogo.document_parts",
    "cogo.vector_indexes",
    "cogo.controls",
    "cogo.policies",
    "cogo.outcomes",
    "cogo.judgements",
    "cogo.judgement_quotas",
    "cogo.model_judgements",
    "cogo.model_outcomes",
    "cogo.model_health",
    "public.cogo_model_switches",
    "cogo.spending_stop",
    "cogo.past_stops",
    "public.cogo_actions",
    "realtime.messages",
)
ALICE: Final = UUID("aaaaaaaa-0000-4000-8000-000000000001")
BOB: Final = UUID("bbbbbbbb-0000-4000-8000-000000000002")


class Database:
    """Opens connections that share one clock, which only `jump` moves."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack
        self._connections: list[Connection] = []
        self.now = NOON

    async def connect(self, role: str = "service_role", user: UUID | None = None) -> Connection:
        """Open a connection; `postgres` is the owner of the schema, not a superuser."""
        connection: Connection = await asyncpg.connect(self._url, command_timeout=30)
        self._stack.push_async_callback(connection.close)
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        claims = {"role": role} if user is None else {"role": role, "sub": str(user)}
        await connection.execute(
            "select set_config('request.jwt.claims', $1, false)", _dump(claims)
        )
        if role != "postgres":
            await connection.execute(f"set role {role}")
        self._connections.append(connection)
        await self._tell(connection)
        return connection

    async def jump(self, by: timedelta) -> None:
        """Move the clock of everybody."""
        self.now += by
        for connection in self._connections:
            await self._tell(connection)

    async def _tell(self, connection: Connection) -> None:
        await connection.execute("select set_config('cogo.fake_now', $1, false)", str(self.now))


def _dump(value: Mapping[str, str]) -> str:
    return json.dumps(value)


def rows(records: list[asyncpg.Record]) -> list[dict[str, Any]]:
    """Return records as dicts, which compare and print."""
    return [dict(cast("Mapping[str, Any]", record)) for record in records]


async def apply_migrations(url: str, folder: str = "migrations") -> None:
    """Run the files of a folder of `supabase/` in order, one transaction each."""
    connection: Connection = await asyncpg.connect(url)
    try:
        await connection.execute("set client_min_messages = warning")
        for path in sorted((SUPABASE / folder).rglob("*.sql")):
            async with connection.transaction():
                await connection.execute(path.read_text())
    finally:
        await connection.close()


async def empty(url: str) -> None:
    """Delete all rows of ours; the URL is the superuser's."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("".join(f"delete from {table};" for table in _TABLES))  # noqa: S608
    finally:
        await connection.close()


async def run_at_once(*calls: Awaitable[object]) -> list[str | None]:
    """Run statements at the same time; return the database's error of each, or None."""

    async def run(call: Awaitable[object]) -> str | None:
        try:
            await call
        except asyncpg.PostgresError as error:
            return str(error)
        return None

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(run(each)) for each in calls]
    return [each.result() for each in running]
