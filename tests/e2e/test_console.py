"""The console in a real browser, on a running system."""

import os
import signal

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, ask, clear_page, complaints, open_form, says, text
from tests.e2e.tasks import ended, submitted
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

HOSTILE = """<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>"""
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


def button(page: Chrome, label: str) -> WebElement:
    return page.find_element(By.XPATH, f"//*[@id='detail']//button[.='{label}']")


async def test_an_answer_is_seen_while_it_is_written_and_survives_the_gateways_death(
    page: Chrome, http: httpx.AsyncClient, system: System
) -> None:
    await eventually(says(page, "#link", "live"), within=SECONDS)
    ask(page, "Count for me [[pieces:1500]]")
    await eventually(says(page, "#answer", "w5 "), within=SECONDS)
    assert text(page, ".detail header .status") == "running"
    assert "w1499" not in text(page, "#answer")

    os.kill(system.up.find_process("serve", "gateway"), signal.SIGKILL)
    await eventually(says(page, "#banner", "Gateway unreachable, retrying"), within=SECONDS)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    await eventually(lambda: not page.find_element(By.ID, "banner").is_displayed(), within=SECONDS)
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)

    row = (await http.get(f"/tasks/{page.current_url.rpartition('/')[2]}")).json()
    await eventually(says(page, "#answer pre.text", row["task"]["result"]["text"]), within=SECONDS)
    assert text(page, "#answer pre.text") == row["task"]["result"]["text"]  # nothing came twice
    assert row["subtasks"][0]["key"] in text(page, "#waterfall")
    await eventually(says(page, ".choices", row["selections"][0]["reason"]), within=SECONDS)
    assert "executor" in text(page, "table")
    assert "$" in text(page, "dl.facts")
    assert complaints(page) == []


async def test_a_page_that_was_opened_without_the_gateway_loads_when_it_is_back(
    page: Chrome, system: System
) -> None:
    await eventually(says(page, "#link", "live"), within=SECONDS)
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.execute_cdp_cmd("Network.enable", {})
    page.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | {"offline": True})
    os.kill(system.up.find_process("serve", "gateway"), signal.SIGKILL)
    await eventually(says(page, "#banner", "Gateway unreachable, retrying"), within=SECONDS)

    page.find_element(By.CSS_SELECTOR, "a[data-tab=charts]").send_keys(Keys.ENTER)
    await eventually(says(page, "#detail", "The gateway cannot be reached"), within=SECONDS)
    page.execute_cdp_cmd("Network.emulateNetworkConditions", conditions | {"offline": False})

    await eventually(says(page, "#detail h2", "Charts"), within=SECONDS)
    await eventually(says(page, "#link", "live"), within=SECONDS)


async def test_text_of_people_and_models_is_not_interpreted(
    page: Chrome, url: str, http: httpx.AsyncClient
) -> None:
    ask(page, f"[[say:{HOSTILE}]] {HOSTILE}")
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)
    await eventually(says(page, "#answer pre.text", HOSTILE), within=SECONDS)
    assert HOSTILE in text(page, ".prompt")

    body = {"prompt": HOSTILE, "type": HOSTILE[:99]}
    wrong = (await http.post("/tasks", json=body)).json()
    page.get(f"{url}/#/tasks/{wrong['id']}")
    await eventually(says(page, ".detail header .status", "failed"), within=SECONDS)
    assert HOSTILE[:20] in text(page, ".detail .problem")

    assert page.find_elements(By.CSS_SELECTOR, "main img, main script, [onerror]") == []
    assert "owned" not in page.title
    assert complaints(page) == []


async def test_an_answer_is_rated_where_it_is_read(page: Chrome) -> None:
    ask(page, "Say it, to be judged")
    await eventually(
        lambda: page.find_elements(By.XPATH, "//button[.='Good answer']"), within=SECONDS
    )

    button(page, "Good answer").send_keys(Keys.ENTER)
    await eventually(says(page, "#news", "Saved: good answer"), within=SECONDS)

    assert not button(page, "Good answer").is_enabled()
    assert button(page, "Bad answer").is_enabled()
    assert complaints(page) == []


async def test_a_wish_that_cannot_be_sent_is_refused_in_a_sentence(page: Chrome) -> None:
    open_form(page)
    page.find_element(By.CSS_SELECTOR, "#ask button[type=submit]").send_keys(Keys.ENTER)
    assert text(page, "#ask [role=alert]") == "Describe what should be done."
    assert page.switch_to.active_element.get_attribute("id") == "prompt"

    ask(page, "x")
    await eventually(lambda: "#/tasks/" in page.current_url, within=SECONDS)
    open_form(page)
    assert not page.find_element(By.CSS_SELECTOR, "#ask [role=alert]").is_displayed()
    assert page.find_element(By.ID, "prompt").get_property("value") == ""


async def test_a_hint_is_told_once_with_its_commands_as_code(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    task = await submitted(store, "Fail [[fault:401]]", type="CHAT")
    error = (await ended(store, task.id)).error or {}
    hint = str(error["hint"])
    page.get(f"{url}/#/tasks/{task.id}")
    await eventually(says(page, ".detail .why", str(error["message"])), within=SECONDS)
    assert text(page, "#detail").count(hint.replace("`", "")) == 1
    assert "`" not in text(page, "#detail")
    assert len(page.find_elements(By.CSS_SELECTOR, ".detail .problem code")) == hint.count("`") // 2
    assert complaints(page) == []


async def test_a_task_can_be_held_and_cancelled(page: Chrome) -> None:
    ask(page, "[[pieces:3000]]")
    await eventually(says(page, "#answer", "w5 "), within=SECONDS)
    button(page, "Hold").send_keys(Keys.ENTER)
    await eventually(says(page, ".detail header .status", "held"), within=SECONDS)
    button(page, "Cancel").send_keys(Keys.ENTER)
    await eventually(says(page, ".detail header .status", "cancelled"), within=SECONDS)
    assert page.find_elements(By.XPATH, "//*[@id='detail']//button[.='Cancel']") == []


async def test_on_a_phone_a_task_takes_the_place_of_the_list_and_keeps_its_text_when_cancelled(
    page: Chrome,
) -> None:
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        ask(page, "On a phone [[pieces:3000]]")
        await eventually(says(page, "#answer", "w50 "), within=SECONDS)
        assert page.find_elements(By.ID, "tasks") == []
        button(page, "Cancel").send_keys(Keys.ENTER)
        await eventually(says(page, ".detail header .status", "cancelled"), within=SECONDS)
        page.refresh()
        await eventually(says(page, "#answer", "w50 "), within=SECONDS)
        assert page.title.startswith("On a phone")
        assert "simulated" in text(page, ".detail")

        page.find_element(By.CSS_SELECTOR, ".back").click()
        await eventually(says(page, "#tasks", "On a phone"), within=SECONDS)
        assert page.find_elements(By.CSS_SELECTOR, ".prompt") == []
        line = page.find_element(By.CSS_SELECTOR, "#tasks a")
        page.execute_script("arguments[0].scrollIntoView()", line)
        line.click()
        await eventually(says(page, ".detail .prompt", "On a phone"), within=SECONDS)
        assert page.find_element(By.CSS_SELECTOR, ".detail .prompt").is_displayed()
        width = page.execute_script("return document.documentElement.scrollWidth")
        assert width == PHONE["width"]
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert complaints(page) == []


async def test_operators_see_who_is_alive_and_which_models_there_are(
    page: Chrome, url: str, http: httpx.AsyncClient
) -> None:
    served = [each["id"] for each in (await http.get("/api/models")).json()["data"]["models"]]
    await eventually(says(page, "#figures", "agents"), within=SECONDS)
    page.get(f"{url}/#/agents")
    await eventually(says(page, ".wide[aria-label='List of agents']", "executor-1"), within=SECONDS)
    assert "alive" in text(page, ".wide[aria-label='List of agents']")
    open_form(page)
    await eventually(says(page, "#model", served[-1]), within=SECONDS)


async def test_every_control_has_a_name(page: Chrome) -> None:
    await eventually(says(page, "#link", "live"), within=SECONDS)
    open_form(page)
    controls = page.find_elements(By.CSS_SELECTOR, "input, select, textarea, button, a, section")
    visible = [each for each in controls if each.is_displayed()]
    assert len(visible) > 10
    assert [each.get_attribute("outerHTML") for each in visible if not each.accessible_name] == []


async def test_code_is_shown_with_what_its_tests_have_shown(page: Chrome) -> None:
    ask(page, "Write is_palindrome(text)", label="Generate code")
    await eventually(says(page, "#badge", "self-tested: 4 of 4 tests passed"), within=60)

    assert "passed 4 of 4" in text(page, "section[aria-label=Verification]")
    page.find_element(By.CSS_SELECTOR, "#waterfall [data-key=check]").send_keys(Keys.ENTER)
    await eventually(says(page, "#waterfall .row-details", "4 of 4"), within=SECONDS)
    assert complaints(page) == []


async def test_questions_are_answered_where_they_are_shown(page: Chrome) -> None:
    program = """
        const [approval, done] = arguments;
        const load = (name) => import(`/console/${name}`);
        const modules = ["inbox/approvals.js", "vendor/preact.js"];
        Promise.all(modules.map(load)).then(([{ Approvals }, { h, render }]) => {
          const { fetch } = window;
          window.sent = [];
          window.fetch = (path, options) => {
            if (path !== "/approvals/1") return fetch(path, options);
            if (options.method !== "POST") return Promise.resolve(Response.json(approval));
            window.sent.push([path, options.method, JSON.parse(options.body)]);
            const detail = { detail: "somebody else has to answer" };
            return Promise.resolve(new Response(JSON.stringify(detail), { status: 409 }));
          };
          const detail = document.getElementById("detail");
          window.show = (approvals) => render(h(Approvals, { approvals }), detail);
          window.show([approval]);
          done();
        });
    """
    approval = {"id": "1", "key": "ok", "question": f"Apply it? {HOSTILE}", "show": {"diff": "+1"}}
    clear_page(page)
    page.execute_async_script(program, approval)
    field = page.find_element(By.CSS_SELECTOR, "#approvals input")
    assert field.accessible_name == "Comment (optional)"
    field.send_keys("not yet")
    page.execute_script("window.show([arguments[0]])", approval)  # as each event does
    assert field.get_property("value") == "not yet"
    assert HOSTILE in text(page, "#approvals .question")
    assert text(page, "#approvals .json") == "diff: +1"

    button(page, "Refuse").send_keys(Keys.ENTER)
    refusal = "somebody else has to answer"
    await eventually(says(page, "#approvals [role=alert]", refusal), within=SECONDS)

    answer = {"approved": False, "comment": "not yet", "via": "console"}
    assert page.execute_script("return window.sent") == [["/approvals/1", "POST", answer]]
    assert button(page, "Refuse").is_enabled()
    page.execute_script("window.show([])")
    await eventually(says(page, "#approvals .answer", "no longer waits"), within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "#approvals button") == []


def test_related_tasks_are_linked(page: Chrome) -> None:
    program = """
        const [details, done] = arguments;
        const load = (name) => import(`/console/${name}`);
        const modules = ["task/relatives.js", "vendor/preact.js"];
        Promise.all(modules.map(load)).then(([{ Relatives }, { h, render }]) => {
          const place = document.createElement("div");
          render(h(Relatives, { details }), place);
          done([...place.querySelectorAll("a")].map((link) => [link.hash, link.textContent]));
        });
    """
    child = {"id": "c", "prompt": "count", "type": "CHAT", "status": "running", "cost_usd": None}
    details = {
        "task": {"parent_task_id": "p", "previous_task_id": "b", "column_id": "k"},
        "children": [child],
        "next_run": child | {"id": "n", "run_at": None},
    }

    assert page.execute_async_script(program, details) == [
        ["#/tasks/p", "the task that asked for this one"],
        ["#/tasks/c", "count"],
        ["#/tasks/b", "the run before this one"],
        ["#/columns/k", "an AI column"],
        ["#/tasks/n", "as soon as possible"],
    ]
