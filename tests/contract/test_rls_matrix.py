"""Access to every table, view, function and topic of ours, over HTTP and WebSocket.

What there is comes from the catalogue of the database and from the list of topics: an object that
is not in `matrix_lines` fails the test, so nobody forgets to decide who may use a new one.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect

from protocol import topics
from tests.contract.matrix_data import fill_cells, finish_and_fail
from tests.contract.matrix_lines import (
    AGENTS_FUNCTIONS,
    REFUSED,
    RELATIONS,
    USERS_FUNCTIONS,
    WRITTEN_BY_PEOPLE,
    Readers,
)
from tests.support.accounts import PASSWORD, an_email
from tests.support.eventually import eventually
from tests.support.servers.contract_target import Target, foreign_target
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory
from tests.support.sql.database import apply_migrations


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
                (name == "service" and (relation, method) not in REFUSED)
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
