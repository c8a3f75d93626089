"""Ten jobs of daily work, done with a pointer from the start page, with every press counted."""

import json
import statistics
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
)
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from protocol.lifecycle import TaskState
from protocol.records import NewTask
from protocol.records.tasks import EVERYTHING
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, complaints, says, text
from tests.e2e.dialogs import has_status
from tests.support.eventually import eventually
from tests.support.servers.command_line import cogo
from tests.support.servers.system import System, running_system

pytestmark = pytest.mark.e2e

MODEL: Final = "gpt-4.1-mini"
JOBS: Final = 10
MOST_PRESSES: Final = 4
"""That half of the jobs need at most."""
TOOLS: Final = '''
from cogo.workflows import tool


@tool(approval=True)
def refund(number: int) -> str:
    """Pay back an order."""
    return f"paid back {number}"
'''
YESTERDAY: Final = """
alter table public.cogo_calls disable trigger user;
update public.cogo_calls set started_at = started_at - interval '1 day',
                             ended_at = ended_at - interval '1 day';
alter table public.cogo_calls enable trigger user;
"""
presses: Final[dict[str, int]] = {}
"""Presses of each job that worked."""


class Pointer:
    """A person with a pointer, who also types where the focus is already."""

    def __init__(self, page: Chrome, job: str) -> None:
        self._page = page
        self._job = job
        self._count = 0

    async def press(self, selector: str) -> None:
        """Press what is found by an XPath, or by a CSS selector, once it can be pressed."""
        await eventually(lambda: self._try(selector), within=SECONDS)
        self._count += 1

    def _try(self, selector: str) -> bool:
        by = By.XPATH if selector.startswith("//") else By.CSS_SELECTOR
        try:
            found = self._page.find_elements(by, selector)
            shown = [each for each in found if each.is_displayed() and each.is_enabled()]
            if not shown:
                return False
            shown[0].click()
        except (ElementClickInterceptedException, StaleElementReferenceException):
            return False  # it was moving
        return True

    async def press_button(self, label: str) -> None:
        """Press the button of this text or name."""
        await self.press(f"//button[.='{label}' or @aria-label='{label}']")

    async def choose(self, field: str, value: str) -> None:
        """Open a list and press one of its values: two presses, of which WebDriver does one."""
        option = f"#{field} option[value='{value}']"
        await eventually(
            lambda: bool(self._page.find_elements(By.CSS_SELECTOR, option)), within=SECONDS
        )
        self._page.find_element(By.CSS_SELECTOR, option).click()
        self._count += 2

    async def find(self, entry: str, typed: str = "") -> None:
        """Press Find, type something, and press the row that begins so."""
        await self.press("#palette-button")
        await eventually(lambda: self._focused.get_attribute("role") == "combobox", within=SECONDS)
        self.type(typed)
        await self.press(f"//li[@role='option'][starts-with(., '{entry}')]")

    def type(self, typed: str) -> None:
        """Type where the focus is; nothing is pressed for it."""
        self._focused.send_keys(typed)

    @property
    def _focused(self) -> WebElement:
        return self._page.switch_to.active_element

    def ends(self) -> None:
        """Record that the job is done, and how many presses it took."""
        presses[self._job] = self._count
        assert complaints(self._page) == []


@pytest.fixture(scope="module", autouse=True)
def _median(pytestconfig: pytest.Config) -> Iterator[None]:
    """Print the presses of each job after all; half of the jobs must need few of them."""
    yield
    if len(presses) < JOBS:
        return  # only some were run
    median = statistics.median(presses.values())
    lines = [f"{count:5} {job.replace('_', ' ')}" for job, count in sorted(presses.items())]
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print("\nPresses:", *lines, f"{median:5} median", sep="\n")
    assert median <= MOST_PRESSES


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system of this module's own, with a tool that people approve."""
    home = tmp_path_factory.mktemp("jobs")
    (home / "shop.py").write_text(TOOLS)
    (home / "cogo.toml").write_text('[tools]\nmodules = ["shop"]\n')
    cogo("trust", home=home)
    with running_system(home) as running:
        yield running


@pytest.fixture
def pointer(page: Chrome, request: pytest.FixtureRequest) -> Pointer:
    return Pointer(page, request.node.name.removeprefix("test_"))


@pytest.fixture
async def project(http: httpx.AsyncClient) -> AsyncIterator[str]:
    """Yield a project with a task, without caps."""
    name = f"shop-{uuid4().hex[:6]}"
    await http.post("/tasks", json={"prompt": "Hello", "type": "CHAT", "project": name})
    yield name
    await http.delete("/budgets", params={"scope": "project", "key": name, "per": "month"})


async def complete(store: SupabaseStore, prompt: str, kind: str = "CHAT") -> UUID:
    """Have a task done."""
    task = await store.submit_task(NewTask(prompt=prompt, type=kind))
    await eventually(lambda: has_status(store, task.id, TaskState.COMPLETED), within=60)
    return task.id


async def test_see_which_model_was_used_most_yesterday(
    page: Chrome, pointer: Pointer, http: httpx.AsyncClient, store: SupabaseStore, system: System
) -> None:
    await complete(store, "Say good morning")
    database = await asyncpg.connect(system.state.db_url)
    try:
        await database.execute(YESTERDAY)
    finally:
        await database.close()

    await pointer.press("nav a[data-tab=charts]")
    await pointer.press("//nav[@aria-label='Period']//a[.='Yesterday']")

    await eventually(says(page, "[aria-label=Totals] tbody", "$"), within=SECONDS)
    most = text(page, "[aria-label=Totals] tbody tr:first-child th")
    [call, *_] = (await http.get("/usage?by=model")).json()["rows"]
    assert most.startswith(call["model"])
    pointer.ends()


async def test_retry_what_failed_since_noon(
    page: Chrome, pointer: Pointer, store: SupabaseStore
) -> None:
    failed = [
        await store.submit_task(NewTask(prompt=f"Fail {n} [[fault:400 times=1]]", type="CHAT"))
        for n in range(2)
    ]
    for each in failed:
        await eventually(partial(has_status, store, each.id, TaskState.FAILED), within=60)

    await pointer.find("Retry what failed since 12:00")
    await eventually(says(page, "dialog[open] .plan", "2 tasks will be retried."), within=SECONDS)
    await pointer.press_button("Retry 2 tasks")

    for each in failed:
        await eventually(partial(has_status, store, each.id, TaskState.COMPLETED), within=60)
    pointer.ends()


async def test_see_why_a_debate_took_so_long(
    page: Chrome, url: str, pointer: Pointer, store: SupabaseStore
) -> None:
    debate = await complete(store, "Should we move?", "DEBATE")

    await pointer.press(f"tr[data-id='{debate}'] a.title")

    await eventually(says(page, "#explanation", "for "), within=SECONDS)
    assert page.current_url == f"{url}/#/tasks/{debate}"
    pointer.ends()


async def test_approve_what_waits(page: Chrome, pointer: Pointer, store: SupabaseStore) -> None:
    prompt = f"Pay with refund {json.dumps({'number': 17})}"
    task = await store.submit_task(
        NewTask(prompt=prompt, type="CHAT", params={"tools": ["refund"]})
    )

    async def is_asked() -> bool:
        return bool(await store.find_approvals(limit=1, visible=EVERYTHING, task_id=task.id))

    await eventually(is_asked, within=60)

    await pointer.press("nav a[data-tab=inbox]")
    await pointer.press_button("Approve")

    await eventually(lambda: has_status(store, task.id, TaskState.COMPLETED), within=60)
    pointer.ends()


async def test_find_a_task_and_copy_its_answer(
    page: Chrome, pointer: Pointer, store: SupabaseStore
) -> None:
    task = await complete(store, "Describe the quokka of Rottnest")

    await pointer.find("Describe the quokka", "quokka")
    await eventually(lambda: str(task) in page.current_url, within=SECONDS)
    await pointer.press_button("Copy answer")

    await eventually(says(page, "#news", "Copied: the answer."), within=SECONDS)
    pointer.ends()


async def test_pause_and_resume_a_lane_and_see_who_did_it(
    page: Chrome, pointer: Pointer, store: SupabaseStore
) -> None:
    task = await store.submit_task(NewTask(prompt="Hello", type="CHAT", model=MODEL))
    await eventually(lambda: has_status(store, task.id, TaskState.COMPLETED), within=60)
    row = f"[data-subject='{MODEL}']"

    async def is_paused() -> bool:
        return any(each.lane_paused for each in await store.fetch_queue() if each.lane == MODEL)

    await pointer.press("//dl[@id='figures']//a[.='queued']")
    await pointer.press_button(f"Pause {MODEL}")
    await pointer.press("//dialog//button[.='Pause']")
    await eventually(says(page, row, "paused by local"), within=SECONDS)
    assert await is_paused()
    await pointer.press_button(f"Resume {MODEL}")
    await pointer.press("//dialog//button[.='Resume']")
    await eventually(says(page, row, "resumed by local"), within=SECONDS)
    assert not await is_paused()
    pointer.ends()


async def test_set_a_cap_for_a_project(
    page: Chrome, pointer: Pointer, store: SupabaseStore, project: str
) -> None:
    await pointer.find(f"Set a cap for project {project}", f"cap {project}")
    await eventually(says(page, "dialog.change", f"Set a cap for project {project}"), within=30)
    pointer.type("40")
    await pointer.press_button("Set it")

    await eventually(says(page, ".operate table", "of $40.00 a month"), within=SECONDS)
    [cap] = [each for each in await store.fetch_budgets() if each.key == project]
    assert (cap.scope, cap.per, int(cap.limit_usd)) == ("project", "month", 40)
    pointer.ends()


async def test_stop_spending_check_it_and_resume(
    page: Chrome, pointer: Pointer, store: SupabaseStore
) -> None:
    try:
        await pointer.press_button("Stop spending…")
        await pointer.press("//dialog//button[.='Stop spending']")
        await eventually(says(page, "#stopped", "Spending has been stopped since"), within=SECONDS)
        assert "by local" in text(page, "#stopped")
        assert await store.fetch_spending_stop() is not None
        await pointer.press_button("Resume…")
        await pointer.press("//dialog//button[.='Resume']")
        await eventually(says(page, "#stopped", "Stop spending…"), within=SECONDS)
        assert await store.fetch_spending_stop() is None
        last = page.find_element(By.CSS_SELECTOR, "#stopped .stop")
        await eventually(
            lambda: "Resumed by local" in (last.get_attribute("title") or ""), within=SECONDS
        )
    finally:
        await store.resume_spending()
    pointer.ends()


async def test_ask_two_models_one_question(
    page: Chrome, pointer: Pointer, http: httpx.AsyncClient
) -> None:
    await pointer.press(".ask-link")
    await eventually(says(page, "#model", MODEL), within=SECONDS)
    pointer.type("Say hello to each other")
    await pointer.choose("model", MODEL)
    await pointer.choose("also-0", "claude-haiku-5-5")
    await pointer.press_button("Ask 2 models")

    await eventually(lambda: "#/compare?a=" in page.current_url, within=SECONDS)
    await eventually(says(page, "#differences", "They are the same"), within=60)
    tasks = (await http.get("/tasks?limit=2")).json()["tasks"]
    assert {each["model"] for each in tasks} == {MODEL, "claude-haiku-5-5"}
    assert {each["prompt"] for each in tasks} == {"Say hello to each other"}
    pointer.ends()


async def test_give_a_key_for_a_week_and_revoke_it_later(
    page: Chrome, url: str, pointer: Pointer, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    await pointer.find("New key")
    await pointer.press_button("Create it")
    await pointer.press_button("Copy it")
    await eventually(says(page, ".created", "Copied."), within=SECONDS)
    key = page.find_element(By.CSS_SELECTOR, ".created input").get_property("value")
    bearer = {"Authorization": f"Bearer {key}"}
    assert (await http.get("/tasks", headers=bearer)).status_code == 200
    [stored] = [each for each in await store.fetch_api_keys() if each.usable]
    assert stored.expires_at is not None
    assert (stored.expires_at - stored.created_at).days in {6, 7}

    page.get("about:blank")
    page.get(f"{url}/")
    await pointer.find(f"Revoke key {stored.name}", f"revoke {stored.name}")
    await pointer.press_button("Revoke it")

    async def is_revoked() -> bool:
        return not any(each.usable for each in await store.fetch_api_keys())

    await eventually(is_revoked, within=SECONDS)
    pointer.ends()


async def open_palette(page: Chrome) -> None:
    ActionChains(page).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
    await eventually(
        lambda: page.switch_to.active_element.get_attribute("role") == "combobox", within=SECONDS
    )


async def test_the_palette_needs_no_pointer(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    keys = {each["id"] for each in (await http.get("/keys")).json()["keys"]}
    # The button is there once it is known who reads.
    await eventually(says(page, "#stopped", "Stop spending"), within=SECONDS)
    await open_palette(page)
    page.switch_to.active_element.send_keys("new key", Keys.ENTER)
    await eventually(says(page, "dialog.change", "Create a key"), within=SECONDS)
    assert page.current_url == f"{url}/#/keys"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    await eventually(says(page, ".created", "Store it now"), within=SECONDS)
    [made] = [each for each in await store.fetch_api_keys() if each.id not in keys and each.usable]
    await store.revoke_api_key(key_id=made.id)

    await open_palette(page)
    page.switch_to.active_element.send_keys("queue", Keys.ARROW_DOWN, Keys.ARROW_UP)
    chosen: Any = page.switch_to.active_element.get_attribute("aria-activedescendant")
    assert text(page, f"#{chosen}").startswith("Queue")
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    await eventually(lambda: not page.find_elements(By.CSS_SELECTOR, ".palette"), within=SECONDS)
    assert complaints(page) == []
