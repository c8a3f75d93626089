"""The operators' pages in a real browser: each control does what its dialog said."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from protocol.lifecycle import TaskState
from protocol.records import NewTask, QueueRow
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, complaints, retype, says, text
from tests.e2e.dialogs import confirm, field, has_status, open_dialog, press
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=alert(1)>\u202e"
SHOWN = "<img src=x onerror=alert(1)><U+202E>"
MODEL = "gpt-4.1-mini"
OTHER = "gpt-4.1"


@pytest.fixture
async def paused(store: SupabaseStore) -> AsyncIterator[str]:
    """Yield a paused lane with two tasks that wait in it."""
    await store.set_lane(lane=MODEL, paused=True)
    tasks = [
        await store.submit_task(NewTask(prompt=f"Wait {place}", type="CHAT", model=MODEL))
        for place in range(2)
    ]
    yield MODEL
    for each in tasks:
        await store.cancel_task(task_id=each.id)
    await store.set_lane(lane=MODEL, paused=False, max_running=-1, per_minute=-1)


async def last_action(http: httpx.AsyncClient, kind: str) -> dict[str, Any]:
    found = (await http.get(f"/actions?kind={kind}&limit=1")).json()["actions"]
    return dict(found[0])


async def find_rows(store: SupabaseStore, lane: str) -> list[QueueRow]:
    return [each for each in await store.fetch_queue() if each.lane == lane]


async def test_lanes_stay_in_place_while_the_pointer_is_over_them(
    page: Chrome, url: str, store: SupabaseStore, paused: str
) -> None:
    def order() -> list[str | None]:
        rows = page.find_elements(By.CSS_SELECTOR, "[data-subject^='gpt-4.1']")
        return [each.get_attribute("data-subject") for each in rows]

    await store.set_lane(lane=OTHER, paused=True)
    tasks = [await store.submit_task(NewTask(prompt="Wait", type="CHAT", model=OTHER))]
    page.get(f"{url}/#/queue")
    await eventually(lambda: order() == [paused, OTHER], within=SECONDS)
    row = f"[data-subject='{OTHER}']"

    ActionChains(page).move_to_element(page.find_element(By.CSS_SELECTOR, row)).perform()
    tasks += [
        await store.submit_task(NewTask(prompt="Wait", type="CHAT", model=OTHER)) for _ in "12"
    ]
    await eventually(lambda: text(page, f"{row} td").startswith("3"), within=SECONDS)
    assert order() == [paused, OTHER]
    ActionChains(page).move_to_element(page.find_element(By.TAG_NAME, "h1")).perform()
    await eventually(lambda: order() == [OTHER, paused], within=SECONDS)

    for each in tasks:
        await store.cancel_task(task_id=each.id)
    await store.set_lane(lane=OTHER, paused=False)


async def test_a_lane_is_resumed_limited_and_paused(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore, paused: str
) -> None:
    await eventually(lambda: count_queued(store, paused, 2), within=SECONDS)
    await store.set_lane(lane=paused, max_running=0)
    page.get(f"{url}/#/queue")
    await eventually(says(page, f"[data-subject='{paused}']", "paused"), within=SECONDS)

    await open_dialog(page, f"Resume {paused}")
    assert (
        await confirm(page, "Resume", reason=HOSTILE) == "2 subtasks may begin, at most 0 at once."
    )
    assert not (await find_rows(store, paused))[0].lane_paused
    done = await last_action(http, "lane")
    assert (done["subject"], done["reason"], done["after"]) == (paused, HOSTILE, {"paused": False})

    await eventually(says(page, f"[data-subject='{paused}']", "Pause"), within=SECONDS)
    await open_dialog(page, f"Pause {paused}")
    said = await confirm(page, "Pause")
    assert said.startswith("2 subtasks that are queued will wait until it is resumed")
    assert (await find_rows(store, paused))[0].lane_paused

    await open_dialog(page, f"Limit {paused}")
    retype(field(page, "Running at once"), "3")
    field(page, "Started a minute").send_keys("1")
    said = await confirm(page, "Set the limit")
    assert "At most 3 run at once, over all agents." in said
    assert "the 2 subtasks that wait need at least 2 minutes" in said
    [row] = await find_rows(store, paused)
    assert (row.lane_max_running, row.lane_per_minute) == (3, 1)

    page.get(f"{url}/#/actions?kind=lane&subject={paused}")
    log = "[aria-label='List of actions']"
    await eventually(says(page, log, SHOWN), within=SECONDS)
    kinds = page.find_elements(By.CSS_SELECTOR, f"{log} tbody th small")
    assert {each.text for each in kinds} == {"lane"}
    assert complaints(page) == []


async def count_queued(store: SupabaseStore, lane: str, count: int) -> bool:
    return sum(each.queued for each in await find_rows(store, lane)) == count


async def test_a_model_is_banned_with_a_reason_and_allowed_again(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore, paused: str
) -> None:
    async def controls() -> list[tuple[str, str, str]]:
        known = await store.model_knowledge(agent_id="test")
        return [(each.subject, each.action, each.reason) for each in known.controls]

    page.get(f"{url}/#/models?q={MODEL}")
    await eventually(says(page, f"[data-model='{MODEL}']", "served by 2 executors"), within=SECONDS)
    assert "$" in text(page, f"[data-model='{MODEL}']")
    assert not text(page, "[data-model='gpt-4o']")  # it does not match

    await open_dialog(page, f"Control {MODEL}")
    Select(field(page, "Do")).select_by_value("drain")
    said = await confirm(page, "Do it", reason="too slow")
    assert f"{MODEL} gets no new work but from tasks that name it" in said
    assert (MODEL, "drain", "too slow") in await controls()
    await eventually(says(page, f"[data-model='{MODEL}']", "drained everywhere"), within=SECONDS)

    await open_dialog(page, f"Allow {MODEL} everywhere")
    await confirm(page, "Allow it", reason="fast again")
    assert (MODEL, "drain", "too slow") not in await controls()
    assert (await last_action(http, "model"))["reason"] == "fast again"
    assert complaints(page) == []


async def test_the_selection_policy_is_changed_and_restored(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    page.get(f"{url}/#/models")
    await eventually(says(page, "[aria-label='Selection policy']", "the default"), within=SECONDS)
    try:
        await open_dialog(page, "Change the policy")
        Select(field(page, "Policy")).select_by_visible_text("cheapest")
        assert "the cheapest that is not expected to be bad" in await confirm(page, "Set it")
        known = await store.model_knowledge(agent_id="test")
        assert list(known.policies.values()) == ["cheapest"]
        await eventually(
            says(page, "[aria-label='Selection policy']", "Everyone: cheapest"), within=SECONDS
        )
        await open_dialog(page, "Change the policy")
        Select(field(page, "Policy")).select_by_value("")
        await confirm(page, "Set it")
        assert (await store.model_knowledge(agent_id="test")).policies == {}
    finally:
        await store.set_policy(policy=None)
    assert complaints(page) == []


async def test_caps_are_set_changed_and_removed(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    async def caps() -> list[tuple[str, str, str, int]]:
        found = await store.fetch_budgets()
        return [(each.scope, each.key, each.per, int(each.limit_usd)) for each in found]

    page.get(f"{url}/#/limits")
    await eventually(says(page, ".operate", "Set a cap"), within=SECONDS)
    await open_dialog(page, "Set a cap")
    Select(field(page, "For")).select_by_value("provider")
    field(page, "Which").send_keys("acme")
    Select(field(page, "Per")).select_by_visible_text("month")
    field(page, "Limit in dollars").send_keys("40")
    await eventually(says(page, "dialog .will-do", "No model of this"), within=SECONDS)
    said = await confirm(page, "Set it")
    assert said == (
        "Calls for provider acme may cost at most $40.00 a month (UTC)."
        "No model of this provider is served now."
    )
    assert await caps() == [("provider", "acme", "month", 40)]

    await eventually(says(page, "[aria-label=Caps]", "provider acme"), within=SECONDS)
    await open_dialog(page, "Change the cap of provider acme")
    retype(field(page, "Limit in dollars"), "60")
    said = await confirm(page, "Change it")
    assert "at most $60.00 a month (UTC), instead of $40.00" in said
    assert await caps() == [("provider", "acme", "month", 60)]

    await open_dialog(page, "Remove the cap of provider acme")
    await confirm(page, "Remove it")
    assert await caps() == []
    assert complaints(page) == []


async def test_what_the_gateway_refuses_is_said_in_the_dialog(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/limits")
    await eventually(says(page, ".operate", "Set a cap"), within=SECONDS)
    await open_dialog(page, "Set a cap")
    Select(field(page, "For")).select_by_value("owner")
    field(page, "Which").send_keys("me")
    field(page, "Limit in dollars").send_keys("1")
    page.find_element(By.XPATH, "//dialog//button[.='Set it']").send_keys(Keys.ENTER)

    await eventually(
        says(page, "dialog [role=alert]", "must be the UUID of a user"), within=SECONDS
    )
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    await eventually(
        lambda: not page.find_elements(By.CSS_SELECTOR, "dialog.change"), within=SECONDS
    )
    assert page.switch_to.active_element.text == "Set a cap"
    [refused] = complaints(page)
    assert "400" in refused


async def test_the_red_button_stops_spending_and_every_page_says_so(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    page.get(f"{url}/#/limits")
    try:
        await eventually(says(page, "section.spending", "Stop spending"), within=SECONDS)
        await open_dialog(page, "Stop spending")
        said = text(page, "dialog.change .will-do")
        assert "Nothing fails" in said
        field(page, "Reason").send_keys(HOSTILE)
        page.find_element(By.XPATH, "//dialog//button[.='Stop spending']").send_keys(Keys.ENTER)
        await eventually(says(page, "#stopped", "Spending has been stopped since"), within=SECONDS)
        assert SHOWN in text(page, "#stopped")
        stop = await store.fetch_spending_stop()
        assert stop is not None
        assert stop.reason == HOSTILE
        page.get(f"{url}/#/")
        await eventually(says(page, "#stopped", "Spending has been stopped since"), within=SECONDS)

        await open_dialog(page, "Resume…")
        await confirm(page, "Resume")
        await eventually(lambda: page.find_element(By.ID, "news").is_displayed(), within=SECONDS)
        assert text(page, "#news") == "Spending goes on."
        press(page, "Dismiss")
        assert page.find_element(By.ID, "toast").size["width"] == 1
        assert await store.fetch_spending_stop() is None
        await eventually(says(page, "#stopped", "Stop spending…"), within=SECONDS)
    finally:
        await store.resume_spending()
    assert complaints(page) == []


async def test_a_key_is_shown_once_and_can_be_revoked(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    name = f"test {uuid4().hex[:8]}"
    page.get(f"{url}/#/keys")
    await eventually(says(page, ".operate", "Create a key"), within=SECONDS)
    await open_dialog(page, "Create a key")
    retype(field(page, "What it is for"), name)
    said = text(page, "dialog.change .will-do")
    assert "read tasks, answers and memory; submit, cancel and answer; list models" in said
    await confirm(page, "Create it")
    await eventually(says(page, ".created", name), within=SECONDS)
    key = page.find_element(By.CSS_SELECTOR, ".created input").get_property("value")
    bearer = {"Authorization": f"Bearer {key}"}
    assert (await http.get("/tasks", headers=bearer)).status_code == 200
    [stored] = [each for each in await store.fetch_api_keys() if each.name == name]
    assert stored.scopes == ["tasks:read", "tasks:write", "models:read"]
    assert stored.expires_at is not None

    press(page, "I have stored it")
    await eventually(lambda: str(key) not in page.page_source, within=SECONDS)
    await open_dialog(page, f"Revoke the key {name}")
    await confirm(page, "Revoke it", reason="a test")
    [stored] = [each for each in await store.fetch_api_keys() if each.name == name]
    assert stored.revoked_at is not None
    assert complaints(page) == []


async def test_grants_are_set_and_removed(page: Chrome, url: str, store: SupabaseStore) -> None:
    owner = uuid4()
    page.get(f"{url}/#/keys")
    await eventually(says(page, "[aria-label=Grants]", "Restrict"), within=SECONDS)
    await open_dialog(page, "Restrict or prioritise an owner")
    field(page, "Owner").send_keys(str(owner))
    field(page, "Only these models").send_keys("claude-sonnet, gpt-4o")
    field(page, "Only these tools").send_keys("none")
    said = await confirm(page, "Set it")
    assert "get only claude-sonnet, gpt-4o" in said
    assert "They may use no tool." in said
    [grants] = [each for each in await store.fetch_grants() if each.owner == owner]
    assert (grants.models, grants.tools) == (["claude-sonnet-5-5", "gpt-4o"], [])

    name = f"owner {str(owner)[:8]}"
    await eventually(says(page, "[aria-label=Grants]", name), within=SECONDS)
    await open_dialog(page, f"Remove the grants of {name}")
    await confirm(page, "Remove them")
    assert [each for each in await store.fetch_grants() if each.owner == owner] == []
    assert complaints(page) == []


async def test_dead_letters_say_why_and_are_retried(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    task = await store.submit_task(NewTask(prompt="Fail [[fault:400 times=1]]", type="CHAT"))
    await eventually(lambda: has_status(store, task.id, TaskState.FAILED), within=60)
    page.get(f"{url}/#/dead")
    await eventually(says(page, ".operate table", str(task.id)[:8]), within=SECONDS)
    assert "1 failure" in text(page, ".operate table")
    assert "invalid request" in text(page, ".operate table")
    page.get(f"{url}/#/dead?error_class=nothing")
    await eventually(lambda: not text(page, ".operate table a.id"), within=SECONDS)
    page.get(f"{url}/#/dead?error_class=invalid_request&time=1h")
    await eventually(says(page, ".operate table", str(task.id)[:8]), within=SECONDS)
    reason = page.find_element(By.CSS_SELECTOR, "[data-reason=invalid_request]")
    assert reason.find_element(By.TAG_NAME, "button").get_attribute("aria-pressed") == "true"

    press(page, f"Retry task {str(task.id)[:8]}")
    await eventually(says(page, "dialog .plan", "1 task will be retried."), within=SECONDS)
    press(page, "Retry 1 task")
    await eventually(lambda: has_status(store, task.id, TaskState.COMPLETED), within=60)
    assert complaints(page) == []


def test_the_menu_of_a_phone_opens_and_closes(page: Chrome) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        models = page.find_element(By.CSS_SELECTOR, "nav a[data-tab=models]")
        button = page.find_element(By.ID, "menu-button")
        assert not models.is_displayed()
        button.send_keys(Keys.ENTER)
        assert (models.is_displayed(), button.get_attribute("aria-expanded")) == (True, "true")
        models.send_keys(Keys.ENTER)
        assert button.get_attribute("aria-expanded") == "false"
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


MANY = """
  const real = window.fetch;
  const names = ["queued", "running", "blocked", "delayed", "waiting", "held", "dead"];
  const numbers = Object.fromEntries(names.map((name) => [name, 1]));
  const lanes = Array.from({ length: 3000 }, (_, place) => ({
    ...numbers, lane: `${arguments[0]}-${place}`, owner: null, oldest_ms: 1,
    completed_per_minute: 0, failed_per_minute: 0, lane_paused: false, owner_paused: false,
    lane_max_running: null, lane_per_minute: null, owner_max_running: null, owner_per_minute: null,
  }));
  window.fetch = (path, options) =>
    path.startsWith("/queue") ? Promise.resolve(Response.json({ lanes })) : real(path, options);
"""


async def test_a_long_queue_is_shown_in_parts_and_names_are_text(page: Chrome, url: str) -> None:
    page.execute_script(MANY, HOSTILE)
    page.execute_script("location.hash = '#/queue'")
    await eventually(says(page, "[aria-label=Lanes]", f"{SHOWN}-0"), within=SECONDS)
    rows = "[aria-label=Lanes] tbody tr"
    assert len(page.find_elements(By.CSS_SELECTOR, rows)) == 100
    press(page, "Show more (2,900 left)")
    await eventually(lambda: len(page.find_elements(By.CSS_SELECTOR, rows)) == 200, within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "main img") == []
    assert complaints(page) == []


async def test_members_are_added_to_a_project_and_removed(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    name, user = f"p-{uuid4().hex[:6]} {HOSTILE}", uuid4()
    shown = name.replace(HOSTILE, SHOWN)
    body = {"prompt": "Hello", "type": "CHAT", "project": name}
    assert (await http.post("/tasks", json=body)).status_code == 201

    async def members() -> list[tuple[Any, str]]:
        found = await store.fetch_projects(names=[name])
        return [(each.user_id, each.role) for row in found for each in row.members]

    page.get(f"{url}/#/projects")
    await eventually(says(page, ".operate table", shown), within=SECONDS)
    await open_dialog(page, f"Add a member to {shown}")
    field(page, "User").send_keys(str(user))
    Select(field(page, "Role")).select_by_value("editor")
    assert "It has no member yet" in await confirm(page, "Add", reason="joins")
    assert await members() == [(user, "editor")]
    await eventually(says(page, ".operate table", f"{str(user)[:8]}, editor"), within=SECONDS)

    await open_dialog(page, f"Remove user {str(user)[:8]} from {shown}")
    assert "Nobody else is a member" in await confirm(page, "Remove")
    assert await members() == []
    assert complaints(page) == []
