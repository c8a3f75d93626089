"""The database of a run: the agents' RPCs under a controlled clock."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from cogo.config.database import Database
from cogo.errors import CommandError
from protocol.records import AgentRecord, ClaimedSubtask, Completion, Failure
from protocol.records.models import ModelKnowledge

AGENT: Final = "simulation"
NOON: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_INSERT: Final = """
insert into public.cogo_tasks (id, type, prompt, preferences, params) values ($1, $2, $3, $4, $5)
"""
_CLAIM: Final = """
select * from public.cogo_claim_subtasks(p_agent_id => $1, p_lanes => $2, p_limit => 100)
"""
_FAIL: Final = """
select answer from public.cogo_fail_subtask(
  p_agent_id => $1, p_subtask_id => $2, p_attempt => $3, p_error => $4, p_action => $5,
  p_retry_after_seconds => $6, p_usage => $7)
"""
_ENDED: Final = """
select id, status, cost_usd, extract(epoch from finished_at - created_at)::float8 as seconds
  from public.cogo_tasks
"""


class SimulationFailed(CommandError):
    """The database rejects a call of the run, which is a defect."""


class SimulatedDatabase:
    """One connection with the rights of an agent."""

    def __init__(self, connection: Database, lanes: Sequence[str]) -> None:
        self._connection = connection
        self.lanes = list(lanes)
        """The models that the running executor serves."""

    @classmethod
    async def open(cls, url: str, lanes: Sequence[str]) -> "SimulatedDatabase":
        """Connect to a migrated database without tasks, with asynchronous commit."""
        connection = await asyncpg.connect(url, command_timeout=600)
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        claims = json.dumps({"role": "service_role"})
        await connection.execute("select set_config('request.jwt.claims', $1, false)", claims)
        await connection.execute("set role service_role")
        await connection.execute("set synchronous_commit = off")
        return cls(connection, lanes)

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.close()

    async def set_clock(self, second: float) -> None:
        """Set the clock."""
        now = NOON + timedelta(seconds=second)
        await self._connection.execute(
            "select set_config('cogo.fake_now', $1, false)", now.isoformat()
        )

    async def submit(
        self,
        id_: UUID,
        type_: str,
        prompt: str,
        preferences: dict[str, Any],
        params: dict[str, Any] | None = None,
    ) -> None:
        """Insert a task as a client does."""
        await self._connection.execute(_INSERT, id_, type_, prompt, preferences, params or {})

    async def claim(self, lanes: Sequence[str]) -> list[ClaimedSubtask]:
        """Claim what is available."""
        found = await self._connection.fetch(_CLAIM, AGENT, list(lanes))
        return [ClaimedSubtask.model_validate(dict(row)) for row in found]

    async def complete(self, done: Sequence[Completion]) -> None:
        """Complete leases. Raises SimulationFailed if one is rejected."""
        bodies = [_to_json(each) for each in done]
        answers = await self._connection.fetch(
            "select answer, detail from public.cogo_complete_subtasks($1, $2)",
            AGENT,
            [{**body.pop("ref"), **body} for body in bodies],
        )
        for row in answers:
            if row["answer"] != "ok":
                raise SimulationFailed(
                    f"a completion was not taken: {row['answer']} ({row['detail']})"
                )

    async def fail(self, failure: Failure) -> None:
        """Fail a lease. Raises SimulationFailed if it is rejected."""
        body, after = _to_json(failure), failure.retry_after
        answer = await self._connection.fetchval(
            _FAIL, AGENT, failure.ref.subtask_id, failure.ref.attempt, body["error"],
            failure.action, after.total_seconds() if after else None, body.get("usage"),
        )  # fmt: skip
        if answer != "ok":
            raise SimulationFailed(f"a failure was not taken: {answer}")

    async def reap(self) -> None:
        """Move what is due."""
        await self._connection.execute("select from public.cogo_reap()")

    async def fetch_knowledge(self) -> ModelKnowledge:
        """Update and read the knowledge of models."""
        row = await self._connection.fetchrow(
            "select * from public.cogo_model_knowledge($1)", AGENT
        )
        return ModelKnowledge.model_validate(dict(row or {}))

    async def fetch_ends(self) -> dict[UUID, tuple[str, float, float]]:
        """Return status, dollars and seconds of each task."""
        found = await self._connection.fetch(_ENDED)
        return {
            row["id"]: (row["status"], float(row["cost_usd"] or 0), row["seconds"] or 0.0)
            for row in found
        }

    async def fetch_step_outputs(
        self, *, task_id: UUID, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Return outputs that a lease left out."""
        found = await self._connection.fetch(
            "select key, output from public.cogo_step_outputs($1, $2)", task_id, list(keys)
        )
        return {row["key"]: row["output"] for row in found}

    async def fetch_agents(self) -> list[AgentRecord]:
        """Return one running executor that serves all lanes."""
        return [AgentRecord(id=AGENT, kind="executor", lanes=self.lanes, capacity=100, silent_ms=0)]


def _to_json(value: Completion | Failure) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value.model_dump_json(by_alias=True, exclude_none=True))
    return found
