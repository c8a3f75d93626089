"""Tool calls, questions, structured answers and files of the console, in a real browser."""

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.e2e.console import SECONDS, ask, clear_page, complaints, open_form, retype, says, text
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=alert(1)>"
PROMPT = (
    'Look: list_files {}, then ask_person {"question": "Which <b>colour</b>?", '
    '"choices": ["red", "blue"]}'
)
SCHEMA = '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}'
DROP = """
  const [name, type, edge, done] = arguments;
  const canvas = Object.assign(document.createElement("canvas"), { width: edge, height: 20 });
  canvas.toBlob((blob) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([blob], name, { type }));
    const options = { dataTransfer, bubbles: true, cancelable: true };
    document.getElementById("ask").dispatchEvent(new DragEvent("drop", options));
    done();
  });
"""


def open_part(page: Chrome, selector: str) -> None:
    page.find_element(By.CSS_SELECTOR, f"{selector} > summary").send_keys(Keys.ENTER)


async def test_a_model_calls_tools_and_asks_a_person_who_answers_in_the_console(
    page: Chrome, http: httpx.AsyncClient
) -> None:
    open_form(page)
    open_part(page, "#tools")
    await eventually(says(page, "#tools", "cogo:ask_person"), within=SECONDS)
    for name in ("cogo:list_files", "cogo:ask_person"):
        page.find_element(By.CSS_SELECTOR, f"#tools input[value='{name}']").send_keys(Keys.SPACE)
    assert text(page, "#tools .count") == "2"
    ask(page, PROMPT)

    await eventually(says(page, "#approvals .question", "Which <b>colour</b>?"), within=SECONDS)
    await eventually(says(page, "#inbox-count", "1 open"), within=SECONDS)
    page.refresh()
    both = "cogo:list_files\ncogo:ask_person"
    await eventually(lambda: text(page, ".calls .tool") == both, within=SECONDS)
    page.find_element(By.XPATH, "//*[@id='approvals']//button[.='blue']").send_keys(Keys.ENTER)
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)
    await eventually(says(page, "#answer pre.text", "blue"), within=SECONDS)
    assert "Answered by the operator local: blue" in text(page, "#approvals")

    page.refresh()
    await eventually(says(page, "#answer pre.text", "blue"), within=SECONDS)
    lines = page.find_elements(By.CSS_SELECTOR, "#answer .calls > li")
    assert [
        each.find_element(By.CSS_SELECTOR, ".tool").get_property("textContent") for each in lines
    ] == [
        "cogo:list_files",
        "cogo:ask_person",
    ]
    lines[1].find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    await eventually(says(page, "#answer .calls .step", "Which <b>colour</b>?"), within=SECONDS)
    assert "cogo:ask_person (1 call" in text(page, "#tools-used")
    assert page.find_elements(By.CSS_SELECTOR, "#approvals li") == []
    asked = (await http.get("/approvals", params={"answered": True})).json()["approvals"]
    assert asked[0]["comment"] == "blue"
    assert complaints(page) == []


async def test_an_answer_that_has_to_fit_a_schema_is_shown_as_data(page: Chrome) -> None:
    open_form(page)
    open_part(page, "#structure")
    page.find_element(By.ID, "schema").send_keys('{"type": ')
    ask(page, "Say how old it is")
    assert "is not JSON" in text(page, "#ask [role=alert]")
    assert page.switch_to.active_element.get_attribute("id") == "schema"

    retype(page.find_element(By.ID, "schema"), SCHEMA)
    page.find_element(By.CSS_SELECTOR, "#ask button[type=submit]").send_keys(Keys.ENTER)
    await eventually(says(page, "#data .json", "age: "), within=SECONDS)
    page.find_element(By.XPATH, "//*[@id='data']//button[.='As text']").send_keys(Keys.ENTER)
    await eventually(says(page, "#data pre", '"age":'), within=SECONDS)
    assert not page.find_element(By.CSS_SELECTOR, "#data .json").is_displayed()
    assert complaints(page) == []


async def test_files_are_dropped_made_smaller_and_sent(
    page: Chrome, http: httpx.AsyncClient
) -> None:
    open_form(page)
    page.find_element(By.ID, "on-budget").send_keys(Keys.SPACE)
    page.execute_async_script(DROP, "wide.png", "image/png", 4000)
    await eventually(says(page, "#ask .files", "made smaller: 1568"), within=SECONDS)
    page.execute_async_script(DROP, "small.png", "image/png", 30)
    await eventually(says(page, "#ask .files", "30 \u00d7 20"), within=SECONDS)
    page.execute_async_script(DROP, "program.exe", "application/x-msdownload", 30)
    await eventually(says(page, "#ask [role=alert]", "program.exe: models take"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "[aria-label='Remove small.png']").send_keys(Keys.ENTER)
    page.execute_async_script(DROP, "late.png", "image/png", 3000)
    ask(page, "What is this?")  # while the last one is being read

    await eventually(says(page, ".detail .prompt", "What is this?"), within=SECONDS)
    await eventually(says(page, ".detail .files", "wide.jpg"), within=SECONDS)
    image = page.find_element(By.CSS_SELECTOR, ".detail .files img")
    await eventually(lambda: image.get_property("naturalWidth") == 1568, within=SECONDS)
    row = (await http.get(f"/tasks/{page.current_url.rpartition('/')[2]}")).json()["task"]
    sent = [(file["name"], file["url"][:23]) for file in row["params"]["attachments"]]
    assert sent == [(name, "data:image/jpeg;base64,") for name in ("wide.jpg", "late.jpg")]
    assert row["params"]["on_budget"] == "ask"
    open_form(page)
    assert page.find_elements(By.CSS_SELECTOR, "#ask .files li") == []
    assert complaints(page) == []


async def test_hostile_values_are_shown_in_part_and_as_text(page: Chrome) -> None:
    await eventually(says(page, "#link", "live"), within=SECONDS)
    program = """
        const [hostile, done] = arguments;
        const load = (name) => import(`/console/${name}`);
        const modules = ["lib/json_view.js", "vendor/preact.js"];
        Promise.all(modules.map(load)).then(([{ Json, LongText }, { h, render }]) => {
          let deep = [];
          for (let level = 0; level < 100_000; level++) deep = [deep];
          const wide = Array.from({ length: 100_000 }, (_, number) => number);
          const root = document.getElementById("detail");
          const value = { deep, wide, [hostile]: hostile };
          render([h(Json, { value }), h(LongText, { text: "x".repeat(3_000_000) })], root);
          root.querySelectorAll("details").forEach((each) => (each.open = true));
          setTimeout(() => done(root.querySelectorAll("*").length), 0);
        });
    """

    clear_page(page)
    count = page.execute_async_script(program, HOSTILE)

    assert count < 1_000
    assert HOSTILE in text(page, "#detail .json")
    assert len(text(page, "#detail pre")) == 4_000
    more = page.find_elements(By.CSS_SELECTOR, "#detail button.more")
    assert [each.text for each in more] == [
        "Show more (99,900)",
        "Show more (2,996,000 characters)",
    ]
    more[1].send_keys(Keys.ENTER)
    await eventually(lambda: len(text(page, "#detail pre")) == 54_000, within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "#detail img") == []


async def test_whoever_answers_second_is_told_what_was_answered(page: Chrome) -> None:
    program = """
        const [answer, done] = arguments;
        const approval = { id: "1", task_id: "t", key: "main/c", call_id: "c", question: "May it?",
          show: { tool: "pay", arguments: { cents: 5 } } };
        const load = (name) => import(`/console/${name}`);
        const modules = ["inbox/approvals.js", "vendor/preact.js"];
        Promise.all(modules.map(load)).then(([{ Approvals }, { h, render }]) => {
          const { fetch } = window;
          window.fetch = (path, options) => {
            if (path !== "/approvals/1") return fetch(path, options);
            const [status, body] = options.method === "POST"
              ? [409, { detail: "too late" }]
              : [200, { ...approval, ...answer }];
            return Promise.resolve(new Response(JSON.stringify(body), { status }));
          };
          render(h(Approvals, { approvals: [approval] }), document.getElementById("detail"));
          done();
        });
    """
    answer = {"answered_at": "2026-01-01", "approved": False, "comment": HOSTILE}
    clear_page(page)
    page.execute_async_script(program, answer)
    assert text(page, "#approvals .json") == "cents: 5"
    page.find_element(By.CSS_SELECTOR, "#approvals input").send_keys("rather not")

    page.find_element(By.XPATH, "//*[@id='approvals']//button[.='Approve']").send_keys(Keys.ENTER)
    said = f"Your answer was not sent. Refused by an operator: {HOSTILE}"
    await eventually(says(page, "#approvals .answer", said), within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "#approvals button") == []
    kept = page.find_element(By.CSS_SELECTOR, "#approvals textarea")
    assert kept.accessible_name == "You had typed, and did not send"
    assert kept.get_property("value") == "rather not"
