"""The MCP server of the gateway, with the official client."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from mcp.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, Request, Result
from pydantic import ConfigDict

from gateway.mcp.answers import MAX_CHARACTERS
from gateway.mcp.tasks_extension import EXTENSION
from protocol.records import NewTask
from protocol.records.memory import NewFact
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenEdge, OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.waiting import end_flow, start_flow, wait_step
from tests.support.mcp.clients import call, open_mcp, read_text, refuse

MODES = ["auto", "legacy"]
READS = {"watch_task", "result", "get_task", "list_tasks", "list_approvals", "search_memory"}
WRITES = {"submit_task", "cancel_task", "answer_approval"}


@pytest.mark.parametrize("mode", MODES)
async def test_a_task_is_submitted_found_by_another_client_and_cancelled(
    opened_edge: OpenEdge, mode: str
) -> None:
    async with opened_edge() as edge:
        async with open_mcp(edge, mode=mode) as client:
            tools = {each.name for each in (await client.list_tools()).tools}
            version = client.protocol_version
            submitted = await call(
                client, "submit_task", prompt="x", type="CHAT", budget_usd=0.5, priority=3
            )
        async with open_mcp(edge, mode=mode) as client:
            [listed] = (await call(client, "list_tasks"))["tasks"]
            shown = await call(client, "watch_task", task_id=listed["task_id"], timeout_seconds=0)
            cancelled = await call(client, "cancel_task", task_id=listed["task_id"], reason="no")
            again = await call(client, "cancel_task", task_id=listed["task_id"])
            [resource] = (await client.list_resources()).resources
            [content] = (await client.read_resource(resource.uri)).contents

    assert tools >= READS | WRITES | {"list_models"}
    assert version == ("2026-07-28" if mode == "auto" else "2025-11-25")
    assert listed["task_id"] == submitted["task_id"]
    assert "call watch_task or result" in shown["next"]
    assert cancelled["status"] == "cancelled"
    assert again == cancelled
    row = json.loads(content.text)  # type: ignore[union-attr]
    assert (row["id"], row["budget_usd"], row["priority"]) == (listed["task_id"], "0.5", 3)


async def test_tasks_are_found_by_all_filters_and_page_by_page(opened_edge: OpenEdge) -> None:
    async with opened_edge() as edge, open_mcp(edge) as client:
        for number in range(4):
            asked = {"project": "web", "tags": ["a"]} if number % 2 else {"project": "app"}
            await call(client, "submit_task", prompt=f"sort {number}", type="CHAT", **asked)
        cases: dict[str, dict[str, Any]] = {
            "one project": {"project": "web"},
            "both": {"project": ["web", "app"], "tag": "a", "status": "pending"},
            "words": {"q": "2", "type": ["CHAT"]},
            "later": {"since": "2999-01-01T00:00:00Z"},
            "children": {"children": True, "min_cost": 1},
        }
        found = {
            name: [each["prompt"] for each in (await call(client, "list_tasks", **given))["tasks"]]
            for name, given in cases.items()
        }
        first = await call(client, "list_tasks", limit=1)
        older = await call(client, "list_tasks", limit=1, before=first["next"])
        newer = await call(client, "list_tasks", limit=1, after=older["newer"])
        refused = await refuse(client, "list_tasks", status="done")

    assert found == {
        "one project": ["sort 3", "sort 1"],
        "both": ["sort 3", "sort 1"],
        "words": ["sort 2"],
        "later": [],
        "children": [],
    }
    assert (first["newer"], older["tasks"][0]["prompt"]) == (None, "sort 2")
    assert newer["tasks"] == first["tasks"]
    assert "status" in refused


async def test_one_owner_sees_and_touches_nothing_of_another(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    alice, bob = uuid4(), uuid4()
    hers = await a_key(store, "tasks:read", "tasks:write", owner=alice)
    his = await a_key(store, "tasks:read", "tasks:write", owner=bob)
    ask = wait_step("ok", "approve", params={"question": "Apply it?"})
    task_id = str(await start_flow(store, ask, owner=alice))

    async with opened_edge(is_keyless=False) as edge:
        async with open_mcp(edge, hers) as client:
            [question] = (await call(client, "list_approvals"))["approvals"]
            own = await call(client, "submit_task", prompt="mine")
        async with open_mcp(edge, his) as client:
            lists = [await call(client, each) for each in ("list_tasks", "list_approvals")]
            refusals = [
                await refuse(client, name, task_id=task_id)
                for name in ("get_task", "watch_task", "result", "cancel_task")
            ]
            refusals.append(
                await refuse(
                    client, "answer_approval", approval_id=question["approval_id"], approved=True
                )
            )
            with pytest.raises(MCPError, match="not yours"):
                await client.read_resource(f"cogo://tasks/{task_id}")
            resources = (await client.list_resources()).resources

    assert [(each.get("tasks"), each.get("approvals")) for each in lists] == [
        ([], None),
        (None, []),
    ]
    assert all("not yours" in each for each in refusals)
    assert resources == []
    stored = await store.fetch_task(task_id=UUID(own["task_id"]))
    assert stored.owner == alice


async def test_memory_is_searched_for_its_owner_only(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    alice = uuid4()
    hers = await a_key(store, "tasks:read", owner=alice)
    his = await a_key(store, "tasks:read", owner=uuid4())
    facts = [NewFact(content="The deploy key lives in the blue vault", source="notes.md")]
    await store.remember(owner=alice, facts=facts)

    async with opened_edge(is_keyless=False) as edge:
        async with open_mcp(edge, hers) as client:
            found = await call(client, "search_memory", query="blue vault", sources=["notes*"])
            refused = await refuse(client, "search_memory", query="")
        async with open_mcp(edge, his) as client:
            nothing = await call(client, "search_memory", query="blue vault")

    [hit] = found["hits"]
    assert (hit["content"], hit["source"]) == (facts[0].content, "notes.md")
    assert "query" in refused
    assert nothing["hits"] == []


async def test_a_key_lists_and_calls_only_the_tools_of_its_scopes(
    opened_edge: OpenEdge, opened: OpenGateway, store: SupabaseStore
) -> None:
    reader = await a_key(store, "tasks:read", owner=uuid4())

    async with opened_edge(is_keyless=False) as edge, open_mcp(edge, reader) as client:
        tools = {each.name for each in (await client.list_tools()).tools}
        refused = await refuse(client, "submit_task", prompt="x")
    async with opened(is_keyless=False, body_bytes=10_000) as http:
        nobody = await http.post("/mcp", json={})
        got = await http.get("/mcp", headers=reader)
        large = await http.post("/mcp", json={"x": "y" * 20_000}, headers=reader)

    assert tools == READS
    assert "lacks the scope tasks:write" in refused
    assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (got.status_code, got.headers["Allow"]) == (405, "POST")
    assert large.status_code == 413


async def test_wrong_calls_are_told_what_to_do(opened_edge: OpenEdge) -> None:
    deep: Any = {}
    for _ in range(150):
        deep = {"x": deep}
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("submit_task", {}, "prompt is missing"),
        ("submit_task", {"prompt": "x", "promt": "y"}, "there is no argument promt"),
        ("submit_task", {"prompt": "x", "params": "{}"}, "params: it must be a JSON object"),
        ("submit_task", {"prompt": "x", "params": deep}, "nested more than 100 levels"),
        ("submit_task", {"prompt": "x", "deadline": "2026-01-01T00:00:00"}, "time zone"),
        ("submit_task", {"prompt": "x" * 3_000_000}, "the limit is 2097152"),
        ("get_task", {"task_id": "last"}, "task_id"),
        ("get_task", {"task_id": str(uuid4())}, "there is no"),
        ("watch_task", {"task_id": str(uuid4()), "timeout_seconds": 9e9}, "timeout_seconds"),
        ("answer_approval", {"approval_id": str(uuid4()), "approved": True}, "there is no"),
    ]
    async with opened_edge(body_bytes=5_000_000) as edge, open_mcp(edge) as client:
        for name, arguments, words in wrong:
            assert words in await refuse(client, name, **arguments)
        with pytest.raises(MCPError, match="there is no tool 'sumbit'; the tools are: submit_task"):
            await client.call_tool("sumbit", {})
        for uri in ("cogo://tasks/none", "file:///etc/passwd"):
            with pytest.raises(MCPError, match="tasks are cogo://tasks/TASK_ID"):
                await client.read_resource(uri)


@pytest.mark.parametrize("mode", MODES)
async def test_whoever_waits_hears_of_steps_and_of_questions_and_passes_an_answer_on(
    opened_edge: OpenEdge, store: SupabaseStore, mode: str
) -> None:
    ask = wait_step("deploy", "approve", params={"question": "Deploy it?", "show": {"to": "eu"}})
    task_id = str(await start_flow(store, ask))
    heard: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        heard.append(message or "")

    async with opened_edge() as edge, open_mcp(edge, mode=mode) as client:
        state = await call(client, "watch_task", task_id=task_id)
        [question] = state["approvals"]
        waiting = client.call_tool(
            "watch_task", {"task_id": task_id, "timeout_seconds": 1, "until": "end"},
            progress_callback=hear,
        )  # fmt: skip
        await waiting
        answered = await call(
            client, "answer_approval", approval_id=question["approval_id"], approved=False,
            comment="too late",
        )  # fmt: skip

    assert (question["question"], question["show"]) == ("Deploy it?", {"to": "eu"})
    assert "answer_approval" in state["next"]
    assert any("deploy waits for an answer" in each for each in heard)
    assert (answered["approved"], answered["comment"]) == (False, "too late")
    row = await store.fetch_approval(approval_id=UUID(question["approval_id"]))
    assert row.answered_via == "mcp"


async def test_a_long_answer_comes_in_pieces_and_whole_as_a_resource(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    text = "".join(f"line {n}\n" for n in range(9_000))
    parts = [{"agent": "balanced", "model": "m", "role": "debate_3", "text": "y" * 90_000}]
    result = {"text": text, "parts": parts, "responses": [text], "steps": ["a"]}
    task_id = str(await end_flow(store, output=result))

    async with opened_edge() as edge, open_mcp(edge) as client:
        first = await client.call_tool("result", {"task_id": task_id})
        pieces, data = [], first.structured_content
        while data is not None:
            pieces.append(data["text"])
            offset = data.get("next_offset")
            data = offset and await call(client, "result", task_id=task_id, offset=offset)
        [content] = (await client.read_resource(f"cogo://tasks/{task_id}")).contents

    assert "more characters: call result again with offset 30000, or read" in read_text(first)
    assert len(read_text(first)) < MAX_CHARACTERS + 500
    assert "".join(pieces) == text
    assert first.structured_content is not None
    [part] = first.structured_content["parts"]
    assert (part["agent"], part["role"]) == ("balanced", "debate_3")
    assert "86000 more characters" in part["text"]
    assert first.structured_content["steps"] == ["a"]
    assert json.loads(content.text)["result"] == result  # type: ignore[union-attr]


async def test_a_task_without_an_answer_is_an_error_that_says_why(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    task = await store.submit_task(NewTask(prompt="x"))
    await store.cancel_task(task_id=task.id, reason="asked twice")

    async with opened_edge() as edge, open_mcp(edge) as client:
        said = await refuse(client, "result", task_id=str(task.id))

    assert said == "the task was cancelled: asked twice"


async def test_a_revoked_key_ends_a_wait(opened_edge: OpenEdge, store: SupabaseStore) -> None:
    headers = await a_key(store, "tasks:read", "tasks:write")
    [key] = await store.fetch_api_keys()
    task = await store.submit_task(NewTask(prompt="wait"))

    soon = timedelta(seconds=0.1)
    async with (
        opened_edge(is_keyless=False, recheck=soon) as edge,
        open_mcp(edge, headers) as client,  # the key is known from now on
    ):
        await store.revoke_api_key(key_id=key.id)
        ended = await client.call_tool("result", {"task_id": str(task.id)})

    assert "expired or revoked" in read_text(ended)


async def test_a_removed_member_waits_no_longer(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    member = uuid4()
    headers = await a_key(store, "tasks:read", owner=member)
    task = await store.submit_task(NewTask(prompt="wait", owner=uuid4(), project="web"))
    await store.set_member(project="web", user_id=member, role="viewer")
    soon = timedelta(seconds=0.1)
    async with (
        opened_edge(is_keyless=False, recheck=soon) as edge,
        open_mcp(edge, headers) as client,  # the key is known from now on
    ):
        await store.remove_member(project="web", user_id=member)
        ended = await client.call_tool("result", {"task_id": str(task.id)})

    assert "what the caller may see has changed" in read_text(ended)


class Handle(Result):
    """What a client of the Tasks extension gets in place of a result."""

    model_config = ConfigDict(extra="allow")

    result_type: Literal["task"] = "task"


class TasksClient(ClientExtension):
    """Declares the extension; tests finish the handles themselves."""

    identifier = EXTENSION

    def claims(self) -> Sequence[ResultClaim[Any]]:
        """Return the shape of a handle."""
        return (ResultClaim(result_type="task", model=Handle, resolve=self._resolve),)

    async def _resolve(self, handle: Handle, ctx: ClaimContext) -> CallToolResult:
        raise AssertionError


async def ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    class AnyRequest(Request[dict[str, Any], str]):
        name_param = "taskId"

    class AnyResult(Result):
        model_config = ConfigDict(extra="allow")

    result = await client.session.send_request(AnyRequest(method=method, params=params), AnyResult)
    return result.model_dump(by_alias=True)


async def decline(_ctx: Any, _params: Any) -> ElicitResult:
    return ElicitResult(action="decline")


async def test_a_client_of_the_tasks_extension_polls_answers_questions_and_gets_the_result(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    question = wait_step("deploy", "approve", params={"question": "Deploy it?"})
    open_id = str(await start_flow(store, question))
    ended_id = str(await end_flow(store, output={"text": "42"}))
    options: dict[str, Any] = {"extensions": [TasksClient()], "elicitation_callback": decline}

    async with opened_edge() as edge, open_mcp(edge, **options) as client:
        at_once = await client.session.call_tool(
            "result", {"task_id": ended_id}, allow_claimed=True
        )
        handle = await client.session.call_tool("result", {"task_id": open_id}, allow_claimed=True)
        asking = await ask(client, "tasks/get", taskId=open_id)
        [(approval_id, request)] = asking["inputRequests"].items()
        answer = {"action": "accept", "content": {"approved": True, "comment": "go"}}
        await ask(client, "tasks/update", taskId=open_id, inputResponses={"other": answer})
        await ask(client, "tasks/update", taskId=open_id, inputResponses={approval_id: answer})
        working = await ask(client, "tasks/get", taskId=open_id)
        await ask(client, "tasks/cancel", taskId=open_id)
        cancelled = await ask(client, "tasks/get", taskId=open_id)
        await ask(client, "tasks/cancel", taskId=ended_id)
        completed = await ask(client, "tasks/get", taskId=ended_id)
        with pytest.raises(MCPError, match="there is no task"):
            await ask(client, "tasks/get", taskId=str(uuid4()))
    async with opened_edge() as edge, open_mcp(edge) as client:
        with pytest.raises(MCPError) as undeclared:
            await ask(client, "tasks/get", taskId=open_id)

    assert isinstance(at_once, CallToolResult)
    assert read_text(at_once) == "42"
    assert isinstance(handle, Handle)
    shown = handle.model_dump()
    assert (shown["taskId"], shown["status"], shown["ttlMs"]) == (open_id, "working", None)
    assert (asking["status"], request["method"]) == ("input_required", "elicitation/create")
    assert request["params"]["message"] == "Deploy it?"
    row = await store.fetch_approval(approval_id=UUID(approval_id))
    assert (row.approved, row.comment) == (True, "go")
    assert (working["status"], cancelled["status"]) == ("working", "cancelled")
    assert completed["status"] == "completed"
    assert completed["result"]["content"][0]["text"] == "42"
    assert undeclared.value.code == -32021
