"""The console's table of tasks in a real browser, over ten thousand tasks."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, Final

import asyncpg
import httpx
import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from protocol.ids import utc_now
from tests.e2e.console import SECONDS, complaints, says, text
from tests.support.eventually import eventually
from tests.support.servers.system import System, running_system

pytestmark = pytest.mark.e2e

MANY: Final = 10_000
PAGE: Final = 100
PHONE: Final = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
HOSTILE: Final = """\u202e<img src=x onerror="document.title='owned'"> \u0000 & </td>"""
FILL: Final = """
insert into public.cogo_tasks (prompt, type, model, status, result, error, cost_usd, output_tokens,
                               created_at, started_at, finished_at, project, tags)
select 'Report number ' || i, (array['CHAT', 'DEBATE'])[1 + i % 2],
       (array[null, 'a:model', 'b:model'])[1 + i % 3],
       case when i % 10 = 0 then 'failed' else 'completed' end,
       case when i % 10 <> 0 then '{"text": "done"}'::jsonb end,
       case when i % 10 = 0 then '{"code": "broke"}'::jsonb end,
       i / 1000.0, i, t.at, t.at, t.at, 'reports',
       case when i % 5 = 0 then array['nightly'] else '{}' end
  from generate_series(1, $1) i,
       lateral (select now() - make_interval(mins => $1 - i)) t (at);
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system of this module's own, whose table is full."""
    with running_system(tmp_path_factory.mktemp("table")) as running:
        yield running


@pytest.fixture(scope="module")
def full(system: System) -> None:
    """Store tasks that ended long ago: no agent works on them."""
    asyncio.run(fill(system.state.db_url))


async def fill(db_url: str) -> None:
    connection = await asyncpg.connect(db_url)
    try:
        async with connection.transaction():
            await connection.execute("alter table public.cogo_tasks disable trigger user")
            await connection.execute(FILL, MANY)
            await connection.execute("alter table public.cogo_tasks enable trigger user")
        await connection.execute("analyze public.cogo_tasks")
    finally:
        await connection.close()


@pytest.fixture
async def page(chromium: Chrome, url: str, full: None) -> AsyncIterator[Chrome]:
    """Open the console."""
    await open_address(chromium, url, "#/")
    yield chromium
    chromium.execute_script("localStorage.clear()")


async def open_address(page: Chrome, url: str, address: str) -> None:
    page.get("about:blank")
    page.get(f"{url}/{address}")
    await eventually(says(page, "#link", "live"), within=SECONDS)
    await eventually(lambda: "Loading" not in text(page, "main"), within=SECONDS)


async def submit(http: httpx.AsyncClient, prompt: str, **more: object) -> str:
    """Submit a task that waits for tomorrow, and return its id."""
    run_at = (utc_now() + timedelta(days=1)).isoformat()
    body = {"prompt": prompt, "type": "CHAT", "run_at": run_at} | more
    answer = await http.post("/tasks", json=body)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def rows(page: Chrome) -> list[str]:
    """Return the prompts that are shown, none while others are being read."""
    found: list[str] = page.execute_script(
        "const links = document.querySelectorAll('#tasks[aria-busy=false] a.title');"
        "return [...links].map((each) => each.textContent)"
    )
    return found


def press(page: Chrome, label: str, within: str = "main") -> None:
    path = f".//button[normalize-space()='{label}']"
    page.find_element(By.CSS_SELECTOR, within).find_element(By.XPATH, path).send_keys(Keys.ENTER)


def type_key(page: Chrome, *keys: str) -> None:
    active: WebElement = page.switch_to.active_element
    active.send_keys(*keys)


def open_menu(page: Chrome, label: str) -> WebElement:
    path = f"//details[contains(@class, 'menu')]/summary[starts-with(., '{label}')]"
    summary = page.find_element(By.XPATH, path)
    summary.send_keys(Keys.ENTER)
    return summary.find_element(By.XPATH, "..")


def press_at(page: Chrome, element: WebElement, right: int) -> None:
    """Press a mouse's button over an element, `right` of its middle."""
    ActionChains(page).move_to_element_with_offset(element, right, 0).click().perform()


def choose(menu: WebElement, label: str) -> None:
    menu.find_element(By.XPATH, f".//label[normalize-space()='{label}']/input").send_keys(
        Keys.SPACE
    )


async def test_a_page_of_ten_thousand_tasks_is_drawn_at_once(page: Chrome) -> None:
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    times: dict[str, Any] = page.execute_script("""
        const [paint] = performance.getEntriesByName("first-contentful-paint");
        const [tasks] = performance.getEntriesByName("cogo:tasks");
        return { paint: paint?.startTime, tasks: tasks.startTime };
    """)
    print(f"first paint {times['paint']} ms, first rows {times['tasks']} ms")
    assert complaints(page) == []


async def test_one_pages_to_the_first_task_and_back(page: Chrome, url: str) -> None:
    await open_address(page, url, "#/tasks?project=reports")
    await eventually(lambda: rows(page)[:1] == [f"Report number {MANY}"], within=SECONDS)
    press(page, "Older")
    await eventually(lambda: rows(page)[:1] == [f"Report number {MANY - PAGE}"], within=SECONDS)
    assert "before=" in page.current_url
    page.refresh()  # the address keeps the place
    await eventually(lambda: rows(page)[:1] == [f"Report number {MANY - PAGE}"], within=SECONDS)

    await open_address(page, url, f"#/tasks?project=reports&before={PAGE}")
    await eventually(says(page, ".pager", "This is the first task"), within=SECONDS)
    assert rows(page)[-1] == "Report number 1"
    number = int(rows(page)[0].split()[-1])
    press(page, "Newer")  # of a page to which nobody came from a newer one
    await eventually(lambda: rows(page)[-1:] == [f"Report number {number + 1}"], within=SECONDS)
    assert len(rows(page)) == PAGE
    press(page, "Newest")
    await eventually(lambda: rows(page)[:1] == [f"Report number {MANY}"], within=SECONDS)
    assert complaints(page) == []


async def test_filters_are_in_the_address_and_can_be_kept_as_a_view(page: Chrome) -> None:
    choose(open_menu(page, "Status"), "failed")
    menu = open_menu(page, "Type")
    await eventually(lambda: "DEBATE" in menu.text, within=SECONDS)
    choose(menu, "CHAT")
    await eventually(says(page, ".chips", "type: CHAT"), within=SECONDS)
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    await eventually(says(page, "#tasks tbody", "failed"), within=SECONDS)
    assert "completed" not in text(page, "#tasks tbody")
    assert "status=failed&type=CHAT" in page.current_url

    views = open_menu(page, "Views")
    views.find_element(By.CSS_SELECTOR, "form input").send_keys("Broken chats", Keys.ENTER)
    await eventually(says(page, ".views", "Broken chats"), within=SECONDS)
    press(page, "Clear all", ".chips")
    await eventually(lambda: not page.find_elements(By.CSS_SELECTOR, ".chips"), within=SECONDS)
    page.refresh()
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    views = open_menu(page, "Views")
    views.find_element(By.LINK_TEXT, "Broken chats").send_keys(Keys.ENTER)
    await eventually(says(page, ".chips", "status: failed"), within=SECONDS)

    page.find_element(By.CSS_SELECTOR, "[aria-label='Remove type: CHAT']").send_keys(Keys.ENTER)
    await eventually(lambda: "type=" not in page.current_url, within=SECONDS)
    assert complaints(page) == []


async def test_the_words_of_a_menu_are_pressed_with_a_mouse(page: Chrome) -> None:
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    for label, choice in (("Status", "failed"), ("Type", "CHAT"), ("Time", "today")):
        menu = open_menu(page, label)
        await eventually(says(page, "details.menu[open]", choice), within=SECONDS)
        word = menu.find_element(By.XPATH, f".//label[normalize-space()='{choice}']")
        box = word.find_element(By.CSS_SELECTOR, "input")
        right = box.rect["x"] + box.rect["width"] + 12 - word.rect["x"] - word.rect["width"] / 2
        press_at(page, word, int(right))
        await eventually(says(page, ".chips", choice), within=SECONDS)
        assert menu.get_property("open"), label
        assert box.is_selected(), label
        body = menu.find_element(By.CSS_SELECTOR, ".menu-body")
        press_at(page, body, 3 - int(body.rect["width"] / 2))  # on its padding
        assert menu.get_property("open"), label
    page.find_element(By.CSS_SELECTOR, "[open] input[type=datetime-local]").send_keys("1203")
    await eventually(says(page, "summary", "a date is not complete"), within=SECONDS)
    press_at(page, page.find_element(By.CSS_SELECTOR, "header"), 0)
    assert not page.find_elements(By.CSS_SELECTOR, "details.menu[open]")
    assert complaints(page) == []


async def test_words_are_searched_for_from_the_keyboard(
    page: Chrome, http: httpx.AsyncClient
) -> None:
    await submit(http, "Look for the needle, please")
    type_key(page, "/")
    assert page.switch_to.active_element.get_attribute("id") == "search"
    type_key(page, "please needle")
    await eventually(lambda: rows(page) == ["Look for the needle, please"], within=SECONDS)
    assert "q=please+needle" in page.current_url
    assert complaints(page) == []


async def test_everything_is_done_by_keys(page: Chrome, http: httpx.AsyncClient) -> None:
    for word in ("third", "second", "first"):
        await submit(http, f"By keys, the {word}", tags=["by-keys"])
    page.execute_script("location.hash = '#/tasks?tag=by-keys'")
    await eventually(lambda: len(rows(page)) == 3, within=SECONDS)
    type_key(page, "j")
    type_key(page, "j")
    type_key(page, "k")
    assert page.switch_to.active_element.text == "By keys, the first"
    type_key(page, "x")
    type_key(page, "j")
    type_key(page, "j")
    type_key(page, "X")
    await eventually(says(page, ".bulk", "3 tasks selected"), within=SECONDS)
    assert "Retry" not in text(page, ".bulk")  # none has failed
    type_key(page, "c")
    await eventually(says(page, ".bulk-dialog", "3 tasks will be cancelled"), within=SECONDS)
    press(page, "Back", ".bulk-dialog")
    type_key(page, Keys.ESCAPE)
    await eventually(lambda: not page.find_elements(By.CSS_SELECTOR, ".bulk"), within=SECONDS)
    type_key(page, Keys.ENTER)
    await eventually(says(page, ".detail .prompt", "By keys, the third"), within=SECONDS)
    page.back()
    await eventually(lambda: len(rows(page)) == 3, within=SECONDS)
    type_key(page, "n")
    await eventually(lambda: bool(page.find_elements(By.ID, "prompt")), within=SECONDS)
    assert page.switch_to.active_element.get_attribute("id") == "prompt"
    assert complaints(page) == []


async def test_all_that_match_are_cancelled_after_a_confirmation(
    page: Chrome, http: httpx.AsyncClient
) -> None:
    ids = [await submit(http, f"In bulk {number}", tags=["in-bulk"]) for number in range(104)]
    page.execute_script("location.hash = '#/tasks?tag=in-bulk'")
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    page.execute_script(
        "const boxes = document.querySelectorAll('#tasks tbody input');"
        "for (const each of [2, 4, 6]) boxes[each].click()"
    )
    await eventually(says(page, ".bulk", "3 tasks selected"), within=SECONDS)
    type_key(page, Keys.ESCAPE)
    await eventually(lambda: not page.find_elements(By.CSS_SELECTOR, ".bulk"), within=SECONDS)
    boxes = page.find_elements(By.CSS_SELECTOR, "#tasks tbody input")
    boxes[1].click()
    page.execute_script(
        "arguments[0].dispatchEvent(new MouseEvent('click', "
        "{ shiftKey: true, bubbles: true, cancelable: true }))",
        boxes[4],
    )
    await eventually(says(page, ".bulk", "4 tasks selected"), within=SECONDS)
    press(page, "Cancel", ".bulk")
    await eventually(says(page, ".bulk-dialog", "4 tasks will be cancelled."), within=SECONDS)
    press(page, "Cancel 4 tasks", ".bulk-dialog")
    await eventually(says(page, ".bulk-dialog", "4 tasks cancelled."), within=SECONDS)
    press(page, "Close", ".bulk-dialog")
    await eventually(lambda: not page.find_elements(By.CSS_SELECTOR, ".bulk"), within=SECONDS)

    page.find_element(By.CSS_SELECTOR, "#tasks thead input").send_keys(Keys.SPACE)
    await eventually(says(page, ".bulk", "100 tasks selected"), within=SECONDS)
    press(page, "Cancel", ".bulk")
    await eventually(says(page, ".bulk-dialog", "4 tasks are left out"), within=SECONDS)
    assert "4: it is cancelled" in text(page, ".bulk-dialog .skipped")
    press(page, "Back", ".bulk-dialog")
    press(page, "Select all that match", ".bulk")
    await eventually(says(page, ".bulk", "All 104 tasks that match"), within=SECONDS)
    press(page, "Cancel", ".bulk")
    await eventually(says(page, ".bulk-dialog", "100 tasks will be cancelled."), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, ".bulk-dialog input").send_keys("no longer wanted")
    press(page, "Cancel 100 tasks", ".bulk-dialog")
    await eventually(says(page, ".bulk-dialog", "100 tasks cancelled."), within=SECONDS)

    rest = (await http.get("/tasks/count", params={"tag": "in-bulk", "status": "cancelled"})).json()
    assert rest["count"] == len(ids)
    task = (await http.get(f"/tasks/{ids[0]}")).json()["task"]
    assert task["error"]["message"] == "no longer wanted"
    assert complaints(page) == []


async def test_new_tasks_come_without_moving_what_one_reads(
    page: Chrome, url: str, http: httpx.AsyncClient
) -> None:
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    await submit(http, "It comes by itself")
    await eventually(lambda: rows(page)[:1] == ["It comes by itself"], within=SECONDS)

    first, window = rows(page)[0], page.current_window_handle
    page.switch_to.new_window("tab")
    await open_address(page, url, "#/")
    other = page.current_window_handle
    type_key(page, "j")  # who reads a row is not moved
    await submit(http, "It waits")
    await eventually(says(page, ".fresh", "1 new"), within=SECONDS)
    assert rows(page)[0] == first
    press(page, "1 new")
    await eventually(lambda: rows(page)[:1] == ["It waits"], within=SECONDS)
    assert not page.find_elements(By.CSS_SELECTOR, ".fresh button")

    page.close()
    assert other not in page.window_handles
    page.switch_to.window(window)
    await eventually(lambda: rows(page)[:1] == ["It waits"], within=SECONDS)
    assert complaints(page) == []


async def test_a_row_changes_until_its_task_has_ended(
    page: Chrome, http: httpx.AsyncClient
) -> None:
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    await http.post("/tasks", json={"prompt": "Run while I watch", "type": "CHAT"})
    await eventually(lambda: rows(page)[:1] == ["Run while I watch"], within=SECONDS)
    row = "#tasks tbody tr:first-child"
    await eventually(says(page, f"{row} .c-status", "completed"), within=SECONDS)
    await eventually(lambda: text(page, f"{row} .c-tokens").isdigit(), within=SECONDS)
    assert "simulated" in text(page, f"{row} .c-cost")
    assert complaints(page) == []


async def test_hostile_texts_are_shown_as_they_are(
    page: Chrome, url: str, http: httpx.AsyncClient
) -> None:
    long = await submit(http, "x" * 1_000_000, tags=["hostile"])
    body = HOSTILE.replace("\u0000", "\u0001")
    await submit(http, body, tags=["hostile", "<b>tag</b>"], project="<i>project</i>")
    await open_address(page, url, "#/tasks?tag=hostile")
    await eventually(lambda: len(rows(page)) == 2, within=SECONDS)
    assert rows(page)[0].startswith("<U+202E><img src=x onerror=")
    assert len(rows(page)[1]) < 1_000
    assert "<b>tag</b>" in text(page, "#tasks")
    assert "<i>project</i>" in text(page, "#tasks")
    assert page.find_elements(By.CSS_SELECTOR, "main img, main b, main i, [onerror]") == []
    width = page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert width
    assert "owned" not in page.title
    await http.post(f"/tasks/{long}/cancel")
    await eventually(says(page, "#tasks tbody", "cancelled"), within=SECONDS)
    assert complaints(page) == []


async def test_the_table_stays_while_the_gateway_is_gone(
    page: Chrome, http: httpx.AsyncClient, system: System
) -> None:
    await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
    os.kill(system.up.find_process("serve", "gateway"), signal.SIGKILL)
    await eventually(says(page, "#banner", "Gateway unreachable"), within=SECONDS)
    assert len(rows(page)) == PAGE
    await eventually(says(page, "#link", "live"), within=SECONDS)
    await submit(http, "After the outage")
    await eventually(lambda: rows(page)[:1] == ["After the outage"], within=SECONDS)
    assert text(page, "main [role=alert]") == ""
    assert complaints(page) == []


async def test_on_a_phone_tasks_are_cards_and_filters_a_sheet(page: Chrome, url: str) -> None:
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        await open_address(page, url, "#/tasks?tag=nightly")
        await eventually(lambda: len(rows(page)) == PAGE, within=SECONDS)
        card = page.find_element(By.CSS_SELECTOR, "#tasks tbody tr")
        assert card.rect["width"] > 300
        assert card.aria_role == "row"
        press(page, "Filters 1")
        sheet = page.find_element(By.CSS_SELECTOR, ".sheet")
        assert sheet.is_displayed()
        choose(open_menu(page, "Status"), "failed")
        press(page, "Show tasks", ".sheet")
        await eventually(says(page, ".chips", "status: failed"), within=SECONDS)
        assert not sheet.is_displayed()
        width = page.execute_script("return document.documentElement.scrollWidth")
        assert width == PHONE["width"]
        card = page.find_element(By.CSS_SELECTOR, "#tasks tbody a.title")
        card.click()
        await eventually(lambda: "#/tasks/" in page.current_url, within=SECONDS)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert complaints(page) == []
