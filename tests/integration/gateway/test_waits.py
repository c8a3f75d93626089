"""Approvals, events and child tasks over HTTP."""

from datetime import timedelta
from uuid import UUID, uuid4

from protocol.ids import utc_now
from protocol.records import NewChildTask, NewTask, NextRun, Visibility
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.waiting import repeat_task, start_flow, wait_step


async def read_output(store: SupabaseStore, task_id: UUID, key: str) -> object:
    [step] = [each for each in await store.fetch_subtasks(task_id=task_id) if each.key == key]
    return step.output


async def test_people_see_and_answer_their_own_questions_once(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    alice, bob = uuid4(), uuid4()
    hers = await a_key(store, "tasks:read", "tasks:write", owner=alice)
    his = await a_key(store, "tasks:read", "tasks:write", owner=bob)
    ask = wait_step("ok", "approve", params={"question": "Apply it?"})
    task_id = await start_flow(store, ask, owner=alice)
    four_eyes = wait_step("ok", "approve", params={"question": "Apply it?", "by": str(bob)})
    await start_flow(store, four_eyes, owner=alice)

    async with opened(is_keyless=False) as client:
        listed = (await client.get("/approvals", headers=hers)).json()["approvals"]
        [to_him] = (await client.get("/approvals", headers=his)).json()["approvals"]
        [approval] = [each for each in listed if each["task_id"] == str(task_id)]
        path = f"/approvals/{approval['id']}"
        answer = {"approved": False, "comment": "no"}
        unseen = await client.get(path, headers=his)
        shown = await client.get(path, headers=hers)
        to_her = await client.get("/approvals?answerable=true", headers=hers)
        all_his = await client.get("/approvals?answerable=true", headers=his)
        stranger = await client.post(path, json=answer, headers=his)
        first = await client.post(path, json=answer, headers=hers)
        again = await client.post(path, json=answer, headers=hers)
        other = await client.post(path, json={"approved": True}, headers=hers)
        not_hers = await client.post(
            f"/approvals/{to_him['id']}", json={"approved": True}, headers=hers
        )
        by_him = await client.post(
            f"/approvals/{to_him['id']}", json={"approved": True}, headers=his
        )
        left = (await client.get("/approvals", headers=hers)).json()

    assert len(listed) == 2
    assert (unseen.status_code, shown.json()) == (404, approval)
    assert to_her.json()["approvals"] == [approval]
    assert all_his.json()["approvals"] == [to_him]
    assert (stranger.status_code, first.status_code) == (404, 200)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "TQ003")
    assert "refused" in other.json()["detail"]
    assert (not_hers.status_code, by_him.status_code) == (409, 200)
    assert by_him.json()["answered_by"] == str(bob)
    assert left == {"approvals": [], "prompts": {}, "next": None}
    assert to_her.json()["prompts"] == {
        str(task_id): (await store.fetch_task(task_id=task_id)).prompt
    }
    assert all_his.json()["prompts"] == {}  # he is asked, and may not see her task
    output = await read_output(store, task_id, "ok")
    assert isinstance(output, dict)
    assert (output["approved"], output["comment"], output["by"]) == (False, "no", str(alice))


async def test_a_key_of_nobody_does_not_answer_for_others(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    nobodys = await a_key(store, "tasks:read", "tasks:write")
    admins = await a_key(store, "admin")
    ask = wait_step("ok", "approve", params={"question": "Apply it?", "by": "operators"})
    await start_flow(store, ask)

    async with opened(is_keyless=False) as client:
        [approval] = (await client.get("/approvals", headers=nobodys)).json()["approvals"]
        lists = [
            (await client.get("/approvals?answerable=true", headers=each)).json()["approvals"]
            for each in (nobodys, admins)
        ]
        path = f"/approvals/{approval['id']}"
        refused = await client.post(path, json={"approved": True}, headers=nobodys)
        answered = await client.post(path, json={"approved": True}, headers=admins)

    assert lists == [[], [approval]]
    assert (refused.status_code, answered.status_code) == (409, 200)


async def test_an_event_is_sent_once_for_a_key_and_only_to_ones_own_task(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    alice = uuid4()
    hers = await a_key(store, "tasks:write", owner=alice)
    his = await a_key(store, "tasks:write", owner=uuid4())
    task_id = await start_flow(store, wait_step("go", "event", params={"name": "go"}), owner=alice)
    path, body = f"/tasks/{task_id}/events", {"name": "go", "payload": {"n": 1}}

    async with opened(is_keyless=False) as client:
        stranger = await client.post(path, json=body, headers=his)
        wrong = await client.post(path, json={"name": "a b"}, headers=hers)
        sent = [
            await client.post(path, json=body, headers=hers | {"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        await store.cancel_task(task_id=task_id)
        late = await client.post(path, json=body, headers=hers)

    assert (stranger.status_code, wrong.status_code) == (404, 400)
    assert [each.status_code for each in sent] == [200, 200]
    assert sent[0].json() == sent[1].json()
    assert sent[0].json()["subtask_id"] is not None
    assert late.status_code == 409
    output = await read_output(store, task_id, "go")
    assert isinstance(output, dict)
    assert output["payload"] == {"n": 1}


async def test_lists_leave_out_child_tasks_unless_they_are_asked_for(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    child = NewChildTask(type="CHAT", prompt="child")
    task_id = await start_flow(store, wait_step("a", "task", child=child))

    async with opened() as client:
        default = (await client.get("/tasks")).json()["tasks"]
        every = (await client.get("/tasks?children=true")).json()["tasks"]

    assert [each["id"] for each in default] == [str(task_id)]
    assert [each["parent_task_id"] for each in every] == [str(task_id), None]
    assert [line.id for line in await store.fetch_lines(limit=5, visible=Visibility())] == [task_id]
    [found] = await store.fetch_children(task_id=task_id)
    assert found.prompt == "child"


async def test_a_task_is_shown_with_its_questions_its_children_and_its_next_run(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    repeated = await repeat_task(
        store, NextRun(at=utc_now() + timedelta(hours=1), params={}, output={})
    )
    child = NewChildTask(type="CHAT", prompt="child")
    ask = wait_step("ok", "approve", params={"question": "Apply it?", "show": {"diff": "+1"}})
    task_id = await start_flow(store, wait_step("a", "task", child=child), ask)
    plain = await store.submit_task(NewTask(prompt="x"))

    async with opened() as client:
        shown = (await client.get(f"/tasks/{task_id}")).json()
        [approval] = shown["approvals"]
        await client.post(f"/approvals/{approval['id']}", json={"approved": True})
        answered = (await client.get(f"/tasks/{task_id}")).json()
        again = (await client.get(f"/tasks/{repeated}")).json()
        simple = (await client.get(f"/tasks/{plain.id}")).json()

    assert (approval["question"], approval["show"]) == ("Apply it?", {"diff": "+1"})
    assert [each["prompt"] for each in shown["children"]] == ["child"]
    assert shown["children"][0]["parent_task_id"] == str(task_id)
    assert shown["next_run"] is None
    assert (answered["approvals"], len(answered["children"])) == ([], 1)
    assert again["next_run"]["previous_task_id"] == str(repeated)
    assert (simple["approvals"], simple["children"], simple["next_run"]) == ([], [], None)


async def test_a_task_is_shown_without_the_content_of_the_files_of_its_steps(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    url = "data:image/png;base64," + "iVBO" * 100_000
    files = [{"url": url, "name": "large.png"}, {"url": "data:text/plain,short"}]
    turns = [{"role": "user", "content": url[5:], "attachments": files}]
    asked = {"question": "Send it?", "attachments": files, "messages": turns}
    task_id = await start_flow(store, wait_step("a", "approve", params=asked))

    async with opened() as client:
        shown = await client.get(f"/tasks/{task_id}")

    cut = [{"url": "data:image/png;base64,... (300000 bytes)", "name": "large.png"}, files[1]]
    [params] = [each["params"] for each in shown.json()["subtasks"] if each["key"] == "a"]
    assert params["attachments"] == params["messages"][0]["attachments"] == cut
    assert params["messages"][0]["content"] == url[5:]
