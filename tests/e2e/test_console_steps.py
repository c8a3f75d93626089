"""What happened in a task, drawn in a real browser: steps, plan, debate."""

from typing import Any, Final

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, complaints, says, text
from tests.e2e.tasks import ended
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

SHOW: Final = """
  const [details, timeline, name, component, done] = arguments;
  const { fetch } = window;
  const path = `/tasks/${details.task.id}/timeline`;
  let { failures = 0, ...found } = timeline;
  window.fetch = (asked, options) => {
    if (!asked.startsWith(path)) return fetch(asked, options);
    return failures-- > 0 ? Promise.reject(new TypeError()) : Promise.resolve(Response.json(found));
  };
  Promise.all([import(`/console/task/${name}.js`), import("/console/vendor/preact.js")]).then(
    ([module, { h, render }]) => {
      const shown = document.querySelector("main").appendChild(document.createElement("section"));
      const draw = () => {
        const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
        render(h(module[component], { details, query }), shown);
      };
      window.addEventListener("hashchange", draw);
      draw();
      done();
    },
  );
"""
FOCUSED: Final = "return document.activeElement.dataset.key"


def show(page: Chrome, name: str, component: str, details: object, timeline: object = None) -> None:
    """Draw a component with the rows of a task that does not exist."""
    empty: dict[str, Any] = {"events": [], "calls": [], "tool_calls": []}
    page.execute_async_script(SHOW, details, timeline or empty, name, component)


def many_steps(count: int) -> dict[str, Any]:
    """Return the details of a task whose steps follow each other in three branches."""
    at = "2026-01-01T00:00:00Z"
    ended = {"created_at": at, "finished_at": "2026-01-01T01:00:00Z", "status": "completed"}
    steps = [
        ended
        | {"id": f"s{number}", "task_id": "task", "key": f"part{number % 3}/s{number}"}
        | {"kind": "ask", "lane": "model", "attempt": 1, "params": {}, "metadata": {}}
        | {"output": {"text": f"said {number}"}}
        | {"dependencies": [f"s{number - 3}"] if number >= 3 else []}
        for number in range(count)
    ]
    attempts = [
        {"subtask_id": each["id"], "attempt": 1, "lane": "model", "model_id": "model"}
        | {"claimed_at": at, "ended_at": ended["finished_at"], "outcome": "completed"}
        | {"cost_usd": "0.01"}
        for each in steps
    ]
    task = {"id": "task"} | ended
    return {"task": task, "subtasks": steps, "attempts": attempts, "selections": []}


def rows(page: Chrome) -> list[WebElement]:
    return page.find_elements(By.CSS_SELECTOR, "#waterfall [role=row][data-id]")


async def test_steps_say_what_took_how_long_and_open_by_keyboard(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    body = {"prompt": "Tell a story [[fault:cut times=1]]", "type": "CHAT"}
    task = await ended(store, (await http.post("/tasks", json=body)).json()["id"])
    page.get(f"{url}/#/tasks/{task.id}")
    await eventually(says(page, "#explanation", "failed call of"), within=SECONDS)

    main = page.find_element(By.CSS_SELECTOR, "#waterfall [data-key=main]")
    assert main.get_attribute("aria-expanded") == "false"
    main.send_keys(Keys.ARROW_RIGHT)
    await eventually(lambda: len(rows(page)) == 4, within=SECONDS)  # with its two attempts
    main.send_keys(Keys.ARROW_DOWN)
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    await eventually(lambda: len(rows(page)) == 5, within=SECONDS)  # with a call
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    await eventually(says(page, ".row-details", "connection"), within=SECONDS)

    page.find_element(By.CSS_SELECTOR, "#waterfall [data-key=main]").send_keys(Keys.ENTER)
    answer = str((task.result or {})["text"])
    await eventually(says(page, ".row-details", answer[:40]), within=SECONDS)
    assert page.current_url.endswith("?step=main")
    page.refresh()
    await eventually(says(page, ".row-details", answer[:40]), within=SECONDS)
    page.find_element(By.XPATH, "//button[.='As a table']").send_keys(Keys.ENTER)
    await eventually(says(page, "#steps-table", "main"), within=SECONDS)
    assert complaints(page) == []


async def test_of_thousands_of_steps_those_are_drawn_that_are_seen(page: Chrome) -> None:
    show(page, "steps", "Steps", many_steps(3000))
    await eventually(lambda: len(rows(page)) > 10, within=SECONDS)
    assert len(rows(page)) < 100

    rows(page)[0].send_keys(Keys.END)
    await eventually(lambda: page.execute_script(FOCUSED) == "part2/s2999", within=SECONDS)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    await eventually(says(page, ".row-details", "said 2999"), within=SECONDS)
    assert len(rows(page)) < 100
    page.switch_to.active_element.send_keys(Keys.HOME)
    await eventually(lambda: page.execute_script(FOCUSED) == "part0/s0", within=SECONDS)
    assert complaints(page) == []


async def test_times_that_cannot_be_read_are_read_again(page: Chrome) -> None:
    calls = [
        {"id": "c", "subtask_id": "s0", "attempt": 1, "outcome": "completed", "model_id": "model"}
        | {"started_at": "2026-01-01T00:00:01Z", "ended_at": "2026-01-01T00:30:01Z"}
    ]
    timeline = {"events": [], "calls": calls, "tool_calls": [], "failures": 1}
    show(page, "steps", "Steps", many_steps(1), timeline)
    refusal = "The times of single calls cannot be read now: the gateway cannot be reached"
    await eventually(says(page, "#waterfall [role=alert]", refusal), within=SECONDS)
    assert len(rows(page)) == 1  # of the attempts

    await eventually(says(page, "#explanation", "one call of model"), within=SECONDS)
    assert text(page, "#waterfall [role=alert]") == ""
    assert complaints(page) == []


async def test_a_plan_of_three_hundred_steps_is_walked_by_keyboard(page: Chrome) -> None:
    show(page, "graph", "PlanGraph", many_steps(300))
    nodes = (By.CSS_SELECTOR, "#plan-graph .node")
    await eventually(lambda: len(page.find_elements(*nodes)) == 300, within=SECONDS)
    assert "300 completed" in text(page, "#plan-graph .graph-bar")

    first = page.find_element(By.CSS_SELECTOR, "#plan-graph .node[tabindex='0']")
    assert first.accessible_name.startswith("part0/s0, completed, model")
    first.send_keys(Keys.ARROW_RIGHT)
    await eventually(
        lambda: page.execute_script("return document.activeElement.dataset.id") == "s3",
        within=SECONDS,
    )
    page.switch_to.active_element.send_keys("-")
    page.switch_to.active_element.send_keys("0")
    await eventually(
        lambda: page.find_elements(By.CSS_SELECTOR, "#plan-graph .far") != [], within=SECONDS
    )
    page.switch_to.active_element.send_keys(Keys.ENTER)
    await eventually(lambda: page.current_url.endswith("step=part0%2Fs3"), within=SECONDS)
    assert complaints(page) == []


async def test_a_node_of_the_plan_opens_its_step(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    body = {"prompt": "Should we move? Draw it.", "type": "DEBATE"}
    task = (await http.post("/tasks", json=body)).json()
    page.get(f"{url}/#/tasks/{task['id']}")
    await eventually(says(page, "#plan-graph", "optimistic"), within=SECONDS)  # it grows
    await ended(store, task["id"])
    await eventually(says(page, "#plan-graph", "verdict"), within=SECONDS)

    node = page.find_element(By.XPATH, "//*[@id='plan-graph']//*[@class][*[.='verdict']]")
    node.click()
    await eventually(says(page, ".row-details", "judge"), within=SECONDS)
    assert complaints(page) == []


async def test_two_models_are_asked_the_same_and_compared(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/compare")
    await eventually(says(page, "#detail", "ask several models the same"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "#detail a").send_keys(Keys.ENTER)
    await eventually(says(page, "#model", "gpt-"), within=SECONDS)
    page.find_element(By.ID, "prompt").send_keys("Say hello to each other")
    Select(page.find_element(By.ID, "type")).select_by_value("CHAT")
    models = [page.find_element(By.ID, name) for name in ("model", "also-0")]
    Select(models[0]).select_by_index(2)
    Select(models[1]).select_by_index(3)  # after the one that says none
    submit = page.find_element(By.CSS_SELECTOR, "#ask button[type=submit]")
    assert submit.text == "Ask 2 models"
    submit.send_keys(Keys.ENTER)
    await eventually(says(page, "#ask [role=alert]", "Choose models that differ"), within=SECONDS)
    Select(models[1]).select_by_index(2)
    assert "per million · simulated" in models[0].text
    chosen = [str(each.get_property("value")) for each in models]
    page.find_element(By.ID, "project").send_keys("beside")
    submit.send_keys(Keys.ENTER)

    await eventually(lambda: "#/compare?a=" in page.current_url, within=SECONDS)
    await eventually(says(page, "#differences", "They are the same"), within=SECONDS)
    columns = page.find_elements(By.CSS_SELECTOR, ".compare-column")
    assert [each.accessible_name for each in columns] == chosen
    assert all("Simulated answer" in each.text for each in columns)
    assert all(each in text(page, ".compare-figures") for each in (*chosen, "Took", "completed"))

    page.find_element(By.CSS_SELECTOR, "#verdict button").send_keys(Keys.ENTER)
    await eventually(says(page, "#verdict", f"Saved: A: {chosen[0]} was better"), within=SECONDS)

    page.find_element(By.CSS_SELECTOR, ".compare-head button").send_keys(Keys.ENTER)
    await eventually(says(page, "#related-runs", "same prompt"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "#related-runs li a").send_keys(Keys.ENTER)
    await eventually(says(page, "#differences", "They are the same"), within=SECONDS)
    assert complaints(page) == []
