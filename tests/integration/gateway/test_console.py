"""The console's files and the responses that it is built on."""

import json
import re
from typing import Final
from uuid import uuid4

from gateway.auth.keys import generate_key, hash_key
from gateway.auth.principal import LOCAL, USER_SCOPES, Principal
from gateway.console.console import FILES
from gateway.dependencies import GatewayServices
from protocol.lifecycle import TaskState
from protocol.records import AgentRecord, NewApiKey, NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.support.sources import ROOT

SECONDS: Final = 20.0


async def test_the_page_is_whole_and_forbids_what_it_does_not_need(opened: OpenGateway) -> None:
    async with opened() as client:
        page = await client.get("/")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "//" not in policy  # nobody else's server
        assert (await client.get("/console")).content == page.content

        for name, file in FILES.items():
            answer = await client.get(f"/console/{name}")
            assert answer.headers["content-type"] == file.media_type
            assert answer.headers["content-security-policy"] == policy
            seen = {"If-None-Match": answer.headers["etag"]}
            assert (await client.get(f"/console/{name}", headers=seen)).status_code == 304
        for name in ("none.js", "..%2f__init__.py", "%2e%2e%2fconsole.py"):
            assert (await client.get(f"/console/{name}")).status_code == 404


def test_every_file_that_the_page_names_is_there() -> None:
    own = [file.content for name, file in FILES.items() if not name.startswith("vendor/")]
    text = b"".join(own).decode()
    named = set(re.findall(r'"/console/([\w/]+\.\w+)"', text))
    assert named
    assert named <= set(FILES)
    assert not re.search(r"innerHTML|outerHTML|document\.write|insertAdjacentHTML|eval\(", text)


def test_the_vendored_libraries_are_those_of_the_lock_file() -> None:
    locked = json.loads((ROOT / "scripts/console_libraries/package-lock.json").read_text())
    wanted = {
        path.removeprefix("node_modules/"): each["version"]
        for path, each in locked["packages"].items()
        if path and not each.keys() & {"dev", "optional"}
    }
    named = re.findall(r"^(\S+) ([\d.]+) \(", FILES["vendor/LICENCES.txt"].content.decode(), re.M)
    assert dict(named) == wanted


async def test_a_reconnected_list_catches_up_and_reports_changes_once(
    services: GatewayServices, store: SupabaseStore
) -> None:
    first = await store.submit_task(NewTask(prompt="first"))
    async with services.task_lists.watch(LOCAL) as watcher:
        look = await watcher.next_update(within=SECONDS)
        assert look is not None
        assert (look.is_whole, [each.id for each in look.lines]) == (True, [first.id])
    async with services.task_lists.watch(LOCAL, look.digest) as watcher:
        async with services.task_lists.watch(LOCAL) as other:
            assert await other.next_update(within=SECONDS) is not None  # it was read
        assert await watcher.next_update(within=0.1) is None  # it has that list
        second = await store.submit_task(NewTask(prompt="second"))
        change = await watcher.next_update(within=SECONDS)
        assert change is not None
        assert (change.is_whole, [each.id for each in change.lines]) == (False, [second.id])
    await store.cancel_task(task_id=first.id)
    async with services.task_lists.watch(LOCAL, change.digest) as watcher:
        healed = await watcher.next_update(within=SECONDS)
        assert healed is not None
        assert [each.status for each in healed.lines] == [TaskState.PENDING, TaskState.CANCELLED]


async def test_users_hear_of_their_own_tasks_only_and_nothing_of_the_fleet(
    opened: OpenGateway, services: GatewayServices, store: SupabaseStore
) -> None:
    anna = Principal(key_id="anna", owner=uuid4(), scopes=USER_SCOPES)
    await store.submit_task(NewTask(prompt="somebody else's"))
    mine = await store.submit_task(NewTask(prompt="mine", owner=anna.owner))
    async with services.task_lists.watch(anna) as watcher:
        look = await watcher.next_update(within=SECONDS)
    assert look is not None
    assert [each.id for each in look.lines] == [mine.id]

    key_id, key = generate_key()
    new = NewApiKey(id=key_id, hash=hash_key(key), name="reader", scopes=["tasks:read"])
    await store.create_api_key(new)
    async with opened() as client:
        for path in ("/agents", "/queue"):
            refused = await client.get(path, headers={"x-api-key": key})
            assert refused.json()["code"] == "scope_missing"


async def test_tools_that_executors_offer_are_listed_with_what_is_granted(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    offered = {"tools": ["mcp:shop/find", "cogo:run_code", "shop.tools.find"]}
    for agent in ("executor-8", "executor-9"):
        await store.record_agent(
            AgentRecord(id=agent, kind="executor", capacity=3, details=offered)
        )
    await store.set_grants(owner=None, models=None, providers=None, tools=["mcp:shop/*"])
    async with opened() as client:
        tools = (await client.get("/tools")).json()["tools"]
    assert [(each["name"], each["source"], each["granted"]) for each in tools] == [
        ("cogo:run_code", "cogo", False),
        ("mcp:shop/find", "mcp", True),
        ("shop.tools.find", "function", False),
        ("web_search", "vendor", False),
    ]


async def test_operators_see_who_is_alive_and_what_waits(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    await store.record_agent(AgentRecord(id="executor-9", kind="executor", capacity=3))
    await store.submit_task(NewTask(prompt="wait"))
    async with opened() as client:
        [seen] = (await client.get("/agents")).json()["agents"]
        assert (seen["agent"]["id"], seen["state"]) == ("executor-9", "alive")
        [lane] = (await client.get("/queue")).json()["lanes"]
        assert (lane["lane"], lane["queued"]) == ("cio", 1)
