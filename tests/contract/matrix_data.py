"""Rows of two people in every table, made over HTTP as agents do."""

import secrets
from typing import Any, Final

import asyncpg
import httpx

PLANNERS: Final = "cio"


async def rpc(client: httpx.AsyncClient, name: str, **arguments: object) -> list[dict[str, Any]]:
    """Call a function that has to work; give its rows."""
    answer = await client.post(f"/rest/v1/rpc/{name}", json=arguments)
    assert answer.is_success, (name, answer.text)
    found = answer.json()
    return found if isinstance(found, list) else [found]


async def finish_and_fail(client: httpx.AsyncClient, owner: str) -> str:
    """Finish a task of this person, and fail another; give the id of the finished one.

    Together they leave at least one row in everything that a person may read.
    """
    finished = await _plan(client, owner)
    await rpc(client, "cogo_send_event", p_task_id=finished, p_name="matrix")
    for _ in range(2):
        [lease] = await _claim(client, _lane(finished))
        extension = {**_ref(lease), "checkpoint": {"content": "so far", "reasoning": ""}}
        await rpc(client, "cogo_extend_leases", p_agent_id="matrix", p_leases=[extension])
        turns = [{"seq": 1, "kind": "answer", "body": {"text": "matrix"}}]
        batch = {**_ref(lease), "turns": turns}
        await rpc(client, "cogo_store_turns", p_agent_id="matrix", p_items=[batch])
        call = {"id": _uuid(), "model_id": _lane(finished), "provider": "matrix", "owner": owner}
        await rpc(client, "cogo_begin_call", p_agent_id="matrix", p_call=call | _ref(lease))
        ended = call | _ref(lease) | {"task_id": finished, "outcome": "completed"}
        await rpc(client, "cogo_end_call", p_agent_id="matrix", p_call=ended)
        said = [{"role": "assistant", "content": "done"}]
        await _complete(client, {**_ref(lease), "output": {"a": 1}, "messages": said})
        await _approve_all(client, finished)
    await rpc(client, "cogo_feedback", p_task_id=finished, p_score=1)
    member = {"p_project": finished, "p_user_id": owner, "p_role": "viewer"}
    await rpc(client, "cogo_set_project_member", **member)
    vector = {"model_id": "m", "content": finished, "vector": [1, 0]}
    await rpc(client, "cogo_keep_embeddings", p_owner=owner, p_items=[vector])
    document = {"p_source": finished, "p_title": None, "p_sha256": "0" * 64}
    chunks = [{"content": finished}]
    await rpc(client, "cogo_add_document", p_owner=owner, p_chunks=chunks, **document)
    switch = {"kind": "health", "subject": "m", "became": "ok", "reason": "r", "who": "matrix"}
    assert (await client.post("/rest/v1/cogo_model_switches", json=switch)).is_success
    failed = await _plan(client, owner)
    [lease] = await _claim(client, _lane(failed))
    await rpc(
        client,
        "cogo_fail_subtask",
        p_agent_id="matrix",
        p_subtask_id=lease["subtask_id"],
        p_attempt=lease["attempt"],
        p_error={"class": "invalid_request", "message": "no"},
        p_action="give_up",
    )
    return finished


async def fill_cells(db_url: str, owner: str, count: int) -> None:
    """Give a person rows of a table with an AI column, which is paused: no task is submitted."""
    connection = await asyncpg.connect(db_url)
    try:
        await connection.execute(
            "create table if not exists public.matrix ("
            " id bigint generated always as identity primary key, owner uuid, a text, b text)"
        )
        column = await connection.fetchval(
            "select cogo.ai_column('public.matrix', 'b', prompt => '{a}', owner_column => 'owner')"
        )
        await connection.execute("select public.cogo_pause_column($1)", column)
        await connection.execute(
            "insert into public.matrix (owner, a) select $1, 'matrix' from generate_series(1, $2)",
            owner,
            count,
        )
        await connection.execute("select public.cogo_run_columns('matrix')")
    finally:
        await connection.close()


async def _plan(client: httpx.AsyncClient, owner: str) -> str:
    row = {"prompt": "matrix", "owner": owner, "session_id": _uuid()}
    answer = await client.post(
        "/rest/v1/cogo_tasks", json=row, headers={"Prefer": "return=representation"}
    )
    task_id = str(answer.json()[0]["id"])
    [lease] = await _claim(client, PLANNERS)
    assert lease["task_id"] == task_id, "somebody else's tasks wait here: use an empty project"
    lane = _lane(task_id)
    common = {"type": "GENERATE_CODE", "lane": lane, "params": {"model_id": lane}}
    steps = [
        {"key": "a", "dependencies": [], **common},
        {"key": "b", "dependencies": ["a"], "needs_approval": True, **common},
    ]
    selections = [{"key": "a", "selected_model": lane, "reason": "the matrix asks for it"}]
    await _complete(
        client, {**_ref(lease), "output": {}, "plan": {"subtasks": steps, "selections": selections}}
    )
    return task_id


async def _approve_all(client: httpx.AsyncClient, task_id: str) -> None:
    query = {"select": "id", "task_id": f"eq.{task_id}", "answered_at": "is.null"}
    for row in (await client.get("/rest/v1/cogo_approvals", params=query)).json():
        await rpc(client, "cogo_answer_approval", p_approval_id=row["id"], p_approved=True)


async def _claim(client: httpx.AsyncClient, lane: str) -> list[dict[str, Any]]:
    return await rpc(client, "cogo_claim_subtasks", p_agent_id="matrix", p_lanes=[lane], p_limit=1)


async def _complete(client: httpx.AsyncClient, item: dict[str, object]) -> None:
    [answer] = await rpc(client, "cogo_complete_subtasks", p_agent_id="matrix", p_items=[item])
    assert answer["answer"] == "ok", answer


def _lane(task_id: str) -> str:
    return f"matrix-{task_id}"


def _ref(lease: dict[str, Any]) -> dict[str, Any]:
    return {"subtask_id": lease["subtask_id"], "attempt": lease["attempt"]}


def _uuid() -> str:
    digits = secrets.token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
