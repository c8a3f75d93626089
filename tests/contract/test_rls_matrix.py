"""Access to every table, view, function and topic of ours, over HTTP and WebSocket.

What there is comes from the catalogue of the database and from the list of topics: an object that
is not in the tables below fails the test, so nobody forgets to decide who may use a new one.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect

from protocol import topics
from tests.contract.matrix_data import fill_cells, finish_and_fail
from tests.support.accounts import PASSWORD, an_email
from tests.support.eventually import eventually
from tests.support.servers.contract_target import Target, foreign_target
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory
from tests.support.sql.database import apply_migrations

NOBODY: Final = "00000000-0000-4000-8000-000000000000"


class Readers(StrEnum):
    """The readers of a relation."""

    OWNERS = "owners read their rows, the service reads all"
    SERVICE = "the service alone"


RELATIONS: Final = {
    "cogo_agents": Readers.SERVICE,
    "cogo_approvals": Readers.OWNERS,
    "cogo_attempts": Readers.OWNERS,
    "cogo_calls": Readers.OWNERS,
    "cogo_column_cells": Readers.OWNERS,
    "cogo_column_versions": Readers.SERVICE,
    "cogo_columns": Readers.SERVICE,
    "cogo_dead_letters": Readers.OWNERS,
    "cogo_documents": Readers.OWNERS,
    "cogo_embeddings": Readers.OWNERS,
    "cogo_events": Readers.OWNERS,
    "cogo_memories": Readers.OWNERS,
    "cogo_messages": Readers.OWNERS,
    "cogo_model_selections": Readers.OWNERS,
    "cogo_model_stats": Readers.OWNERS,
    "cogo_model_switches": Readers.SERVICE,
    "cogo_task_previews": Readers.OWNERS,
    "cogo_ratings": Readers.OWNERS,
    "cogo_sent_events": Readers.OWNERS,
    "cogo_sessions": Readers.OWNERS,
    "cogo_subtasks": Readers.OWNERS,
    "cogo_tasks": Readers.OWNERS,
    "cogo_turns": Readers.OWNERS,
    "cogo_usage": Readers.OWNERS,
}
WRITTEN_BY_PEOPLE: Final = {("cogo_tasks", "POST")}
"""Everything else only the service writes."""
ONLY_ADDED: Final = {("cogo_calls", "PATCH"), ("cogo_calls", "DELETE")}
"""An audit: nobody may."""

# Arguments that reach the function and give nobody work.
USERS_FUNCTIONS: Final[dict[str, dict[str, object]]] = {
    "cogo_add_document": {
        "p_owner": None,
        "p_source": "matrix",
        "p_title": None,
        "p_sha256": "0",
        "p_chunks": [],
    },
    "cogo_answer_approval": {"p_approval_id": NOBODY, "p_approved": True},
    "cogo_approve_subtask": {"p_subtask_id": NOBODY},
    "cogo_cancel_task": {"p_task_id": NOBODY},
    "cogo_feedback": {"p_task_id": NOBODY, "p_score": 1},
    "cogo_forget_embeddings": {"p_ids": [NOBODY]},
    "cogo_forget_memory": {"p_ids": [NOBODY]},
    "cogo_forget_sessions": {"p_ids": [NOBODY]},
    "cogo_fork_session": {"p_owner": NOBODY, "p_session_id": NOBODY},
    "cogo_read_session": {"p_owner": NOBODY, "p_session_id": NOBODY},
    "cogo_pause_task": {"p_task_id": NOBODY},
    "cogo_redrive_subtask": {"p_subtask_id": NOBODY},
    "cogo_redrive_task": {"p_task_id": NOBODY},
    "cogo_remember": {"p_owner": None, "p_facts": []},
    "cogo_resume_task": {"p_task_id": NOBODY},
    "cogo_schema_versions": {},
    "cogo_search_memory": {"p_owner": None, "p_query": "matrix"},
    "cogo_send_event": {"p_task_id": NOBODY, "p_name": "matrix"},
    "cogo_submit_task": {"p_prompt": "matrix", "p_run_at": "2999-01-01T00:00:00Z"},
}
AGENTS_FUNCTIONS: Final[dict[str, dict[str, object]]] = {
    "cogo_adopt_instance": {"p_host": "matrix"},
    "cogo_backfill_column": {"p_column_id": NOBODY},
    "cogo_instance": {},
    "cogo_pause_column": {"p_column_id": NOBODY},
    "cogo_resume_column": {"p_column_id": NOBODY},
    "cogo_run_columns": {"p_agent_id": "matrix", "p_limit": 1},
    "cogo_sample_column": {"p_column_id": NOBODY},
    "cogo_verify_instance": {"p_agent_id": "matrix", "p_host": "matrix"},
    "cogo_api_keys": {},
    "cogo_check_api_key": {"p_id": "nobody", "p_hash": "0"},
    "cogo_check_writes": {},
    "cogo_create_api_key": {
        "p_id": "matrix",
        "p_hash": "0" * 64,
        "p_name": "matrix",
        "p_scopes": [],
    },
    "cogo_revoke_api_key": {"p_id": "matrix"},
    "cogo_cache_answer": {
        "p_key": "matrix",
        "p_owner": None,
        "p_model_id": "matrix",
        "p_answer": {"text": "a"},
        "p_seconds": 1,
    },
    "cogo_cached_answer": {"p_key": "none"},
    "cogo_claim_subtasks": {"p_agent_id": "matrix", "p_lanes": ["matrix"], "p_limit": 1},
    "cogo_complete_subtasks": {"p_agent_id": "matrix", "p_items": []},
    "cogo_deployments": {},
    "cogo_draw": {"p_request_id": NOBODY, "p_draws": []},
    "cogo_begin_call": {
        "p_agent_id": "matrix",
        "p_call": {"id": NOBODY, "model_id": "m", "provider": "p", "subtask_id": NOBODY},
    },
    "cogo_budgets": {},
    "cogo_end_call": {
        "p_agent_id": "matrix",
        "p_call": {"id": NOBODY, "outcome": "failed", "model_id": "m", "provider": "p"},
    },
    "cogo_extend_leases": {"p_agent_id": "matrix", "p_leases": []},
    "cogo_fail_subtask": {
        "p_agent_id": "matrix",
        "p_subtask_id": NOBODY,
        "p_attempt": 1,
        "p_error": {"class": "timeout", "message": "no"},
    },
    "cogo_forgotten_sessions": {},
    "cogo_grants": {},
    "cogo_keep_embeddings": {"p_owner": NOBODY, "p_items": []},
    "cogo_nearest_embeddings": {"p_owner": NOBODY, "p_model_id": "m", "p_vector": [1]},
    "cogo_register_index": {"p_index": "matrix"},
    "cogo_list_vector_changes": {"p_index": "matrix"},
    "cogo_confirm_vector_changes": {"p_index": "matrix", "p_through": 0},
    "cogo_run_memory": {"p_agent_id": "matrix", "p_limit": 1},
    "cogo_control_model": {"p_action": "allow", "p_subject": "matrix"},
    "cogo_set_policy": {"p_policy": None},
    "cogo_may_read_object": {"p_owner": NOBODY, "p_bucket": "b", "p_path": "p"},
    "cogo_model_report": {},
    "cogo_model_knowledge": {"p_agent_id": "matrix"},
    "cogo_prune": {"p_limit": 0},
    "cogo_prune_records": {"p_limit": 0},
    "cogo_queue": {},
    "cogo_reap": {"p_limit": 1},
    "cogo_record_agent": {"p_agent": {"id": "matrix", "kind": "executor"}},
    "cogo_record_selection": {"p_selection": {"selected_model": "matrix", "reason": "matrix"}},
    "cogo_release_subtasks": {"p_agent_id": "nobody"},
    "cogo_report_calls": {"p_agent_id": "matrix", "p_report": 1},
    "cogo_remove_budget": {"p_scope": "total", "p_key": None, "p_per": "day"},
    "cogo_silent_ms": {"p_agent": {"id": "matrix", "kind": "executor"}},
    "cogo_set_budget": {
        "p_scope": "provider",
        "p_key": "matrix",
        "p_per": "day",
        "p_limit_usd": 1,
    },
    "cogo_set_grants": {"p_owner": NOBODY, "p_models": ["matrix"]},
    "cogo_set_lane": {"p_lane": "matrix"},
    "cogo_step_outputs": {"p_task_id": NOBODY, "p_keys": ["a"]},
    "cogo_store_turns": {"p_agent_id": "matrix", "p_items": []},
    "cogo_subtask_turns": {"p_subtask_id": NOBODY},
    "cogo_take_trial": {"p_agent_id": "m", "p_deployment": "m", "p_trial_id": NOBODY},
    "cogo_set_owner": {"p_owner": NOBODY},
}


@dataclass(frozen=True, kw_only=True)
class World:
    """Two people with rows of their own, a stranger, and the service."""

    target: Target
    clients: dict[str, httpx.AsyncClient]
    tokens: dict[str, str | None]
    tasks: dict[str, str]
    relations: dict[str, str] = field(default_factory=dict)
    """Name to kind: r or v."""
    functions: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def matrix_target() -> Iterator[Target]:
    """Yield a project of this module alone: agents elsewhere would take its tasks."""
    if foreign := foreign_target():
        yield foreign
        return
    with state_directory() as directory, embedded_server(directory) as state:
        yield Target(
            url=state.url,
            publishable_key=state.publishable_key,
            secret_key=state.secret_key,
            db_url=state.db_url,
            is_embedded=True,
        )


async def _is_migrated(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("select to_regclass('cogo.wakes') is not null"))
    finally:
        await connection.close()


@pytest.fixture
async def world(matrix_target: Target) -> AsyncIterator[World]:
    if not await _is_migrated(matrix_target.db_url):
        await apply_migrations(matrix_target.db_url)
    async with AsyncExitStack() as stack:
        clients: dict[str, httpx.AsyncClient] = {}
        tokens: dict[str, str | None] = {}
        tasks: dict[str, str] = {}
        clients["anon"] = await _client(stack, matrix_target, matrix_target.publishable_key)
        clients["service"] = await _client(stack, matrix_target, matrix_target.secret_key)
        tokens["anon"] = tokens["service"] = None
        await eventually(lambda: _is_known(clients["service"]))
        # Bob has twice as many rows as Alice.
        for name, times in (("alice", 1), ("bob", 2)):
            person = {"email": an_email(), "password": PASSWORD}
            session = (await clients["anon"].post("/auth/v1/signup", json=person)).json()
            tokens[name] = session["access_token"]
            clients[name] = await _client(
                stack, matrix_target, matrix_target.publishable_key, tokens[name]
            )
            for _ in range(times):
                tasks[name] = await finish_and_fail(clients["service"], str(session["user"]["id"]))
            await fill_cells(matrix_target.db_url, str(session["user"]["id"]), times)
        world = World(target=matrix_target, clients=clients, tokens=tokens, tasks=tasks)
        await _read_catalogue(world)
        yield world


async def _client(
    stack: AsyncExitStack, target: Target, key: str, token: str | None = None
) -> httpx.AsyncClient:
    headers = {"apikey": key, "Authorization": f"Bearer {token or key}"}
    return await stack.enter_async_context(
        httpx.AsyncClient(base_url=target.url, headers=headers, timeout=20)
    )


async def _is_known(client: httpx.AsyncClient) -> bool:
    return (await client.post("/rest/v1/rpc/cogo_schema_versions", json={})).is_success


async def _read_catalogue(world: World) -> None:
    connection = await asyncpg.connect(world.target.db_url)
    try:
        for row in await connection.fetch(
            "select relname, relkind::text from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'f', 'p')"
            " and relname like 'cogo\\_%'"
        ):
            world.relations[row["relname"]] = row["relkind"]
        for row in await connection.fetch(
            "select proname from pg_proc where pronamespace = 'public'::regnamespace"
            " and proname like 'cogo\\_%'"
        ):
            world.functions.add(row["proname"])
    finally:
        await connection.close()


def _is_refused(answer: httpx.Response) -> bool:
    """Return whether the caller's role may not do it, whatever the rows or arguments."""
    return answer.status_code in {401, 403} and answer.json()["code"] == "42501"


async def test_every_object_of_ours_has_a_line_in_the_matrix(world: World) -> None:
    assert set(world.relations) == set(RELATIONS)
    assert world.functions == set(USERS_FUNCTIONS) | set(AGENTS_FUNCTIONS)


async def test_everybody_reads_exactly_their_own_rows(world: World) -> None:
    await world.clients["service"].post(
        "/rest/v1/rpc/cogo_record_agent", json={"p_agent": {"id": "matrix", "kind": "executor"}}
    )

    for relation, readers in RELATIONS.items():
        answers = {
            name: await client.get(f"/rest/v1/{relation}") for name, client in world.clients.items()
        }
        assert _is_refused(answers["anon"]), relation
        assert answers["service"].status_code == 200, relation
        if readers is Readers.SERVICE:
            assert _is_refused(answers["alice"]), relation
            assert _is_refused(answers["bob"]), relation
            assert answers["service"].json(), relation
            continue
        seen = {name: answers[name].json() for name in ("alice", "bob", "service")}
        if relation == "cogo_model_stats":  # one row a model: lanes, and thus rows, are per task
            assert not _lanes(seen["alice"]) & _lanes(seen["bob"])
        assert len(seen["alice"]) > 0, relation
        assert len(seen["bob"]) == 2 * len(seen["alice"]), relation
        shared = [row for row in seen["alice"] if row in seen["bob"]]
        assert shared == [], relation
        assert all(row in seen["service"] for row in seen["alice"] + seen["bob"]), relation


def _lanes(rows: list[dict[str, Any]]) -> set[str]:
    return {row["model_id"] for row in rows}


async def test_a_filter_finds_nobody_else_s_task(world: World) -> None:
    theirs = f"/rest/v1/cogo_tasks?id=eq.{world.tasks['bob']}"

    assert (await world.clients["bob"].get(theirs)).json() != []
    assert (await world.clients["alice"].get(theirs)).json() == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_only_the_service_writes_but_for_new_tasks(world: World, method: str) -> None:
    for relation, kind in world.relations.items():
        for name, client in world.clients.items():
            # No row has this id or this key, and the one that is inserted is there already: the
            # answer tells who may, and changes nothing.
            key = await _column(world, relation)
            body = {"prompt": "x", "id": world.tasks["bob"]} if relation == "cogo_tasks" else {}
            answer = await client.request(
                method,
                f"/rest/v1/{relation}" + ("" if method == "POST" else f"?{key}=is.null"),
                json=body or {key: None},
            )
            may = kind == "r" and (
                (name == "service" and (relation, method) not in ONLY_ADDED)
                or (name in {"alice", "bob"} and (relation, method) in WRITTEN_BY_PEOPLE)
            )
            case = (name, method, relation, answer.status_code, answer.text)
            if kind == "r":
                assert _is_refused(answer) is not may, case
            else:
                assert not answer.is_success, case


async def _column(world: World, relation: str) -> str:
    answer = await world.clients["service"].get(f"/rest/v1/{relation}?limit=1")
    # Postgres refuses to write an identity column before it asks who writes.
    return next(name for name in answer.json()[0] if name != "seq") if answer.json() else "id"


async def test_people_call_what_is_for_people_and_agents_everything(world: World) -> None:
    for function, arguments in (USERS_FUNCTIONS | AGENTS_FUNCTIONS).items():
        for name, client in world.clients.items():
            answer = await client.post(f"/rest/v1/rpc/{function}", json=arguments)
            may = name == "service" or (name != "anon" and function in USERS_FUNCTIONS)
            assert answer.status_code not in {404, 500, 503}, (name, function, answer.text)
            assert _is_refused(answer) is not may, (name, function, answer.text)


async def test_nobody_changes_the_task_of_another_owner(world: World) -> None:
    for function in sorted(name for name in USERS_FUNCTIONS if name.endswith("_task")):
        if function == "cogo_submit_task":
            continue
        answer = await world.clients["alice"].post(
            f"/rest/v1/rpc/{function}", json={"p_task_id": world.tasks["bob"]}
        )
        assert answer.json()["code"] == "TQ002", (function, answer.text)


async def test_the_machinery_is_not_exposed_to_anybody(world: World) -> None:
    for client in world.clients.values():
        answer = await client.get("/rest/v1/subtasks", headers={"Accept-Profile": "cogo"})
        assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")


async def test_people_hear_the_topic_of_their_own_task_and_no_other(world: World) -> None:
    own = {name: f"{topics.RESULTS}:{task}" for name, task in world.tasks.items()}
    for topic in (*topics.ALL, *own.values()):
        for name in world.clients:
            may = name == "service" or own.get(name) == topic
            assert await _hears(world, name, topic) is may, (name, topic)


async def test_only_the_service_speaks_on_any_topic(world: World) -> None:
    own = [f"{topics.RESULTS}:{task}" for task in world.tasks.values()]
    for topic in (*topics.ALL, *own):
        for name, client in world.clients.items():
            answer = await client.post(
                f"/realtime/v1/api/broadcast/{topic}/events/matrix",
                params={"private": "true"},
                json={"a": 1},
            )
            expected = 202 if name == "service" else 403
            assert answer.status_code == expected, (name, topic, answer.text)


async def _hears(world: World, name: str, topic: str) -> bool:
    """Return whether the server lets them join the private channel."""
    key = world.target.secret_key if name == "service" else world.target.publishable_key
    address = world.target.url.replace("http", "ws", 1)
    payload = {"config": {"private": True}, "access_token": world.tokens[name] or key}
    frame = {"topic": f"realtime:{topic}", "event": "phx_join", "payload": payload, "ref": "1"}
    async with connect(f"{address}/realtime/v1/websocket?vsn=1.0.0&apikey={key}") as socket:
        await socket.send(json.dumps(frame))
        while (answer := json.loads(await socket.recv()))["event"] != "phx_reply":
            continue
    return bool(answer["payload"]["status"] == "ok")
