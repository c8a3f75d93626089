"""The console in a real browser, on a running system."""

import os
import signal
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.console import SECONDS, ask, says, text
from tests.support.browser import open_browser
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

HOSTILE = """<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>"""
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


@pytest.fixture
def url(system: System) -> str:
    return str(system.up.answer["gateway_url"])


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as client:
        yield client


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(chromium: Chrome, url: str) -> Chrome:
    chromium.get("about:blank")
    chromium.get(f"{url}/")
    return chromium


def button(page: Chrome, label: str) -> WebElement:
    return page.find_element(By.XPATH, f"//*[@id='detail']//button[.='{label}']")


def complaints(page: Chrome) -> list[str]:
    """Return the errors of the page, without lost connections."""
    found = [str(each["message"]) for each in page.get_log("browser")]  # type: ignore[no-untyped-call]
    return [each for each in found if "net::ERR_" not in each]


async def test_an_answer_is_seen_while_it_is_written_and_survives_the_gateways_death(
    page: Chrome, http: httpx.AsyncClient, system: System
) -> None:
    await eventually(says(page, "#link", "live"), within=SECONDS)
    ask(page, "Count for me [[pieces:1500]]")
    await eventually(says(page, "#answer", "w5 "), within=SECONDS)
    assert text(page, ".detail header .status") == "running"
    assert "w1499" not in text(page, "#answer")

    os.kill(system.pid("gateway"), signal.SIGKILL)
    await eventually(says(page, "#banner", "Gateway unreachable, retrying"), within=SECONDS)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    await eventually(lambda: not page.find_element(By.ID, "banner").is_displayed(), within=SECONDS)
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)

    row = (await http.get(f"/tasks/{page.current_url.rpartition('/')[2]}")).json()
    await eventually(says(page, "#answer pre.text", row["task"]["result"]["text"]), within=SECONDS)
    assert text(page, "#answer pre.text") == row["task"]["result"]["text"]  # nothing came twice
    await eventually(says(page, ".tasks a[aria-current]", "completed"), within=SECONDS)
    assert row["subtasks"][0]["key"] in text(page, ".graph")
    assert row["selections"][0]["reason"] in text(page, ".choices")
    assert "executor" in text(page, "table")
    assert "$" in text(page, "dl.facts")
    assert complaints(page) == []


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

    button(page, "Good answer").click()
    await eventually(says(page, "#news", "Saved: good answer"), within=SECONDS)

    assert not button(page, "Good answer").is_enabled()
    assert button(page, "Bad answer").is_enabled()
    assert complaints(page) == []


async def test_a_wish_that_cannot_be_sent_is_refused_in_a_sentence(page: Chrome) -> None:
    page.find_element(By.CSS_SELECTOR, "#ask button").click()
    assert text(page, "#ask [role=alert]") == "Describe what should be done."
    assert page.switch_to.active_element.get_attribute("id") == "prompt"

    ask(page, "x")
    await eventually(lambda: "#/tasks/" in page.current_url, within=SECONDS)
    assert not page.find_element(By.CSS_SELECTOR, "#ask [role=alert]").is_displayed()


async def test_a_task_can_be_held_and_cancelled(page: Chrome) -> None:
    ask(page, "[[pieces:3000]]")
    await eventually(says(page, "#answer", "w5 "), within=SECONDS)
    button(page, "Hold").click()
    await eventually(says(page, ".detail header .status", "held"), within=SECONDS)
    button(page, "Cancel").click()
    await eventually(says(page, ".detail header .status", "cancelled"), within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, ".detail .actions button") == []


async def test_on_a_phone_a_task_takes_the_place_of_the_list_and_keeps_its_text_when_cancelled(
    page: Chrome,
) -> None:
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        ask(page, "On a phone [[pieces:3000]]")
        await eventually(says(page, "#answer", "w50 "), within=SECONDS)
        assert not page.find_element(By.ID, "tasks").is_displayed()
        button(page, "Cancel").click()
        await eventually(says(page, ".detail header .status", "cancelled"), within=SECONDS)
        page.refresh()
        await eventually(says(page, "#answer", "w50 "), within=SECONDS)
        assert page.title.startswith("On a phone")
        assert "simulated" in text(page, ".detail")

        page.find_element(By.CSS_SELECTOR, ".back").click()
        await eventually(lambda: page.find_element(By.ID, "tasks").is_displayed(), within=SECONDS)
        assert not page.find_element(By.ID, "detail").is_displayed()
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
    page: Chrome, http: httpx.AsyncClient
) -> None:
    served = [each["id"] for each in (await http.get("/api/models")).json()["data"]["models"]]
    await eventually(says(page, "#agents", "executor-1"), within=SECONDS)
    assert "alive" in text(page, "#agents")
    await eventually(says(page, "#model", served[-1]), within=SECONDS)


async def test_every_control_has_a_name(page: Chrome) -> None:
    await eventually(says(page, "#link", "live"), within=SECONDS)
    controls = page.find_elements(By.CSS_SELECTOR, "input, select, textarea, button, a, section")
    visible = [each for each in controls if each.is_displayed()]
    assert len(visible) > 10
    assert [each.get_attribute("outerHTML") for each in visible if not each.accessible_name] == []


def test_a_plan_is_drawn_in_layers_and_a_circle_does_not_hang_it(page: Chrome) -> None:
    program = """
        const [rows, done] = arguments;
        import("/console/graph.js").then(({ layout }) => {
          const { nodes, edges } = layout(rows);
          done([nodes.map((n) => [n.subtask.id, n.column]),
                edges.map(([a, b]) => a.subtask.id + b.subtask.id)]);
        });
    """

    def row(name: str, *dependencies: str, kind: str = "CHAT") -> dict[str, object]:
        return {"id": name, "type": kind, "dependencies": dependencies}

    rows = [row("p", kind="PLAN"), row("a"), row("b"), row("c", "a", "b"), row("d", "c", "a")]
    columns, edges = page.execute_async_script(program, rows)
    assert dict(columns) == {"p": 0, "a": 1, "b": 1, "c": 2, "d": 3}
    assert edges == ["pa", "pb", "ac", "bc", "cd", "ad"]

    nodes, _ = page.execute_async_script(program, [row("x", "y"), row("y", "x")])
    assert len(nodes) == 2


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_events_are_read_from_pieces_of_any_size(page: Chrome, size: int) -> None:
    program = """
        const [sent, size, done] = arguments;
        import("/console/event_parser.js").then(({ EventParser }) => {
          const parser = new EventParser();
          const found = [];
          for (let at = 0; at < sent.length; at += size) {
            found.push(...parser.push(sent.slice(at, at + size)));
          }
          done([found, parser.lastId]);
        });
    """
    sent = ': hello\n\nevent: text\ndata: {"delta":"a: b"}\n\nid: 7\r\ndata: 1\n\ndata: 2\n\nid: 8'
    found, last = page.execute_async_script(program, sent, size)
    assert found == [
        {"event": "text", "data": {"delta": "a: b"}},
        {"event": "message", "data": 1},
        {"event": "message", "data": 2},
    ]
    assert last == "7"  # an id counts when its event has come whole


def test_text_that_comes_within_a_frame_is_drawn_once_and_without_repetitions(page: Chrome) -> None:
    program = """
        const done = arguments[0];
        import("/console/transcript_view.js").then(({ TranscriptView }) => {
          const root = document.createElement("div");
          const view = new TranscriptView(root, () => "name");
          let drawn = 0;
          const say = (attempt, offset, delta) =>
            view.applyDelta({ kind: "text", subtask_id: "s", attempt, offset, delta });
          say(1, 0, "what the attempt before said");
          new MutationObserver((changes) => (drawn += changes.length))
            .observe(root, { subtree: true, childList: true, characterData: true });
          for (let at = 0; at < 1000; at += 1) {
            say(2, 2 * at, "\U0001f600x");
            say(2, 2 * at, "\U0001f600x");
          }
          requestAnimationFrame(() => setTimeout(() => done(
            [root.querySelector("pre.text").textContent, drawn])));
        });
    """
    shown, drawn = page.execute_async_script(program)

    assert shown == "\U0001f600x" * 1000
    assert drawn < 10


async def test_pages_that_were_left_do_not_hold_the_lines_of_the_next(
    page: Chrome, url: str
) -> None:
    for _ in range(8):  # a browser has six for each host, and keeps left pages for a while
        await eventually(says(page, "#link", "live"), within=SECONDS)
        page.get("about:blank")
        page.get(f"{url}/")
    await eventually(says(page, "#link", "live"), within=SECONDS)
