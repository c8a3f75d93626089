"""Dead letters over HTTP: page by page, by reason, and retried as a filter finds them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from embedded.state import State
from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.records import NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway


async def test_dead_letters_are_listed_page_by_page_with_why(
    opened: OpenGateway, store: SupabaseStore, project: State
) -> None:
    connection = await asyncpg.connect(project.db_url)
    try:
        for _ in range(3):
            await store.submit_task(NewTask(prompt="x", type="NO_SUCH_WORK"))
        await connection.execute(
            'select cogo.dead_letter_subtask(s.id, \'{"class": "invalid_task", "message": "no"}\')'
            " from cogo.subtasks s join public.cogo_tasks t on t.id = s.task_id"
            " where t.type = 'NO_SUCH_WORK'"
        )
        async with opened() as client:
            first = (await client.get("/dead-letters", params={"limit": 2})).json()
            rest = (
                await client.get("/dead-letters", params={"limit": 200, "before": first["next"]})
            ).json()
            odd = [
                await client.get("/dead-letters", params={"before": before})
                for before in ("x", "2001-01-01T00:00:00Z~zz", f"2001-13-01~{uuid4()}")
            ]
    finally:
        await connection.execute("delete from public.cogo_tasks where type = 'NO_SUCH_WORK'")
        await connection.close()

    ids = [each["subtask_id"] for page in (first, rest) for each in page["dead_letters"]]
    assert len(first["dead_letters"]) == 2
    assert len(ids) == len(set(ids)) >= 3
    assert rest["next"] is None
    assert {first["prompts"][each["task_id"]] for each in first["dead_letters"]} == {"x"}
    assert [each.status_code for each in odd] == [400] * 3


async def test_dead_letters_are_grouped_filtered_and_retried(
    opened: OpenGateway, store: SupabaseStore, project: State
) -> None:
    connection = await asyncpg.connect(project.db_url)
    broken, late = (f"{name}-{uuid4().hex}" for name in ("broken", "late"))
    classes = (broken, broken, late)
    tasks = [await store.submit_task(NewTask(prompt="x", type="NO_SUCH_WORK")) for _ in classes]
    try:
        for task, error_class in zip(tasks, classes, strict=True):
            await connection.execute(
                "select cogo.dead_letter_subtask(s.id, jsonb_build_object('class', $2::text))"
                " from cogo.subtasks s where s.task_id = $1",
                task.id,
                error_class,
            )
        await connection.execute(
            "update cogo.subtasks set dead_at = dead_at - interval '1 day' where task_id = $1",
            tasks[0].id,
        )
        since = (utc_now() - timedelta(hours=1)).isoformat()
        async with opened() as client:
            groups = (await client.get("/dead-letters/groups", params={"since": since})).json()
            old = (await client.get("/dead-letters/groups", params={"until": since})).json()
            wanted = {"since": since, "error_class": broken, "type": "PLAN"}
            [found] = (await client.get("/dead-letters", params=wanted)).json()["dead_letters"]
            tried = await client.post(
                "/dead-letters/retry", json={"filter": wanted, "dry_run": True}
            )
            still = await store.fetch_task(task_id=tasks[1].id)
            retried = await client.post("/dead-letters/retry", json={"filter": wanted})
            odd = await client.post("/dead-letters/retry", json={"filter": {"reason": "x"}})
        after = [(await store.fetch_task(task_id=each.id)).status for each in tasks]
    finally:
        await connection.execute("delete from public.cogo_tasks where type = 'NO_SUCH_WORK'")
        await connection.close()

    def count(report: Any) -> dict[str, tuple[int, int]]:
        mine = [each for each in report["groups"] if each["error_class"] in classes]
        return {each["error_class"]: (each["letters"], each["tasks"]) for each in mine}

    assert count(groups) == {broken: (1, 1), late: (1, 1)}
    assert count(old) == {broken: (1, 1)}
    assert (found["task_id"], found["error_class"]) == (str(tasks[1].id), broken)
    assert tried.json() == {
        "done": [str(tasks[1].id)],
        "skipped": [],
        "is_more": False,
        "next": None,
    }
    assert still.status is TaskState.FAILED
    assert retried.json()["done"] == [str(tasks[1].id)]
    assert [each is TaskState.FAILED for each in after] == [True, False, True]
    assert odd.status_code == 400
