"""An agent in SQL: the lease RPCs on a connection of its own."""

# ruff: noqa: S608 -- the statements are put together from our own names.

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tests.support.sql.database import Connection, rows

Row = dict[str, Any]

ERROR: Final = {"class": "overloaded", "message": "the vendor is overloaded"}


class Agent:
    """Calls the RPCs by name with keywords, as the REST API does."""

    def __init__(self, connection: Connection, agent_id: str = "executor-1") -> None:
        self.connection = connection
        self.id = agent_id

    async def claim(
        self,
        *lanes: str,
        limit: int = 100,
        lease_seconds: int = 15,
        request_id: UUID | None = None,
        lane_limits: object = None,
    ) -> list[Row]:
        given = [self.id, list(lanes), limit, lease_seconds, request_id]
        limited = "" if lane_limits is None else ", p_lane_limits => $6"  # v0.1.0 has none
        return rows(
            await self.connection.fetch(
                "select * from public.cogo_claim_subtasks("
                " p_agent_id => $1, p_lanes => $2, p_limit => $3, p_lease_seconds => $4,"
                f" p_request_id => $5{limited})",
                *given,
                *([] if lane_limits is None else [lane_limits]),
            )
        )

    async def extend(self, *leases: Row, **checkpoint: object) -> list[str]:
        sent = [ref(lease) | ({"checkpoint": checkpoint} if checkpoint else {}) for lease in leases]
        answers = await self.connection.fetch(
            "select * from public.cogo_extend_leases(p_agent_id => $1, p_leases => $2)",
            self.id,
            sent,
        )
        return [answer["answer"] for answer in answers]

    async def complete(self, lease: Row, **fields: object) -> str:
        [answer] = await self.complete_all([ref(lease) | {"output": {"text": "done"}} | fields])
        return str(answer["answer"])

    async def complete_all(self, items: Sequence[object]) -> list[Row]:
        return rows(
            await self.connection.fetch(
                "select * from public.cogo_complete_subtasks(p_agent_id => $1, p_items => $2)",
                self.id,
                items,
            )
        )

    async def fail(
        self,
        lease: Row,
        action: str = "retry",
        *,
        error: Row = ERROR,
        after: float | None = None,
        usage: Row | None = None,
    ) -> Row:
        [answer] = await self.connection.fetch(
            "select * from public.cogo_fail_subtask("
            " p_agent_id => $1, p_subtask_id => $2, p_attempt => $3, p_error => $4,"
            " p_action => $5, p_retry_after_seconds => $6, p_usage => $7)",
            self.id,
            lease["subtask_id"],
            lease["attempt"],
            error,
            action,
            after,
            usage,
        )
        return dict(answer)

    async def release(self, *leases: Row, died: bool = False) -> list[str]:
        answers = await self.connection.fetch(
            "select * from public.cogo_release_subtasks("
            " p_agent_id => $1, p_leases => $2, p_died => $3)",
            self.id,
            [ref(lease) for lease in leases] or None,
            died,
        )
        return [answer["answer"] for answer in answers]

    async def reap(self) -> Row:
        [answer] = await self.connection.fetch("select * from public.cogo_reap()")
        return dict(answer)


def ref(lease: Row) -> Row:
    """Return the two fields that identify a lease."""
    return {"subtask_id": str(lease["subtask_id"]), "attempt": lease["attempt"]}


def step(key: str, *dependencies: str, lane: str = "model-a", **fields: object) -> Row:
    """Build a planned subtask."""
    return {
        "key": key,
        "type": "GENERATE_CODE",
        "lane": lane,
        "params": {"model_id": lane, "generation_prompt": f"do {key}"},
        "dependencies": list(dependencies),
    } | fields


async def insert_task(
    connection: Connection, prompt: str = "sort a list", **columns: object
) -> Any:
    """Insert a task as a person does; return its id."""
    columns = {"prompt": prompt} | columns
    names = ", ".join(columns)
    marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return await connection.fetchval(
        f"insert into public.cogo_tasks ({names}) values ({marks}) returning id",
        *columns.values(),
    )


async def plan_task(agent: Agent, *steps: Row, prompt: str = "sort", **columns: object) -> Any:
    """Insert a task and complete its PLAN with these steps (one, without any); gives its id."""
    task_id = await insert_task(agent.connection, prompt, **columns)
    leases = [lease for lease in await agent.claim("cio") if lease["task_id"] == task_id]
    for lease in leases:
        answer = await agent.complete(lease, plan={"subtasks": list(steps) or [step("code")]})
        assert answer == "ok"
    return task_id


async def task_of(agent: Agent, task_id: UUID) -> Row:
    """Return the task's row."""
    return dict(
        await agent.connection.fetchrow("select * from public.cogo_tasks where id = $1", task_id)
        or {}
    )


async def statuses(agent: Agent, task_id: UUID) -> dict[str, str]:
    """Return the status of each subtask of a task, by key."""
    found = await agent.connection.fetch(
        "select key, status from public.cogo_subtasks where task_id = $1 order by seq", task_id
    )
    return {row["key"]: row["status"] for row in found}


async def find_prompts(
    who: Connection, limit: int = 50, before: int | None = None, **filters: Any
) -> list[str]:
    """Return the prompts of a page of cogo_find_tasks()."""
    page = await read_task_page(who, limit, before, **filters)
    return [task["prompt"] for task in page["tasks"]]


async def read_task_page(
    who: Connection,
    limit: int = 50,
    before: int | None = None,
    after: int | None = None,
    **filters: Any,
) -> dict[str, Any]:
    page: dict[str, Any] = await who.fetchval(
        "select public.cogo_find_tasks($1, $2, $3, $4)", filters, limit, before, after
    )
    return page


async def count_tasks(who: Connection, **filters: Any) -> tuple[int, bool]:
    [row] = await who.fetch("select * from public.cogo_count_tasks($1)", filters)
    return row["count"], row["is_more"]
