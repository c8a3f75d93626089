"""The console's inbox in a real browser: questions of several tasks, answered once."""

import json
from uuid import UUID

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from protocol.records import NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, clear_page, complaints, says, text
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=alert(1)>\u202e"
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


HANG_ONCE = """
  const real = window.fetch;
  let hangs = 1;
  window.fetch = (path, options) => {
    if (!path.startsWith("/approvals") || hangs-- <= 0) return real(path, options);
    return new Promise((_, fail) => {
      options.signal.addEventListener("abort", () => fail(options.signal.reason));
    });
  };
"""


async def ask_person(store: SupabaseStore, question: str) -> UUID:
    """Submit a task whose model asks a person."""
    prompt = f"ask_person {json.dumps({'question': question})}"
    params = {"tools": ["cogo:ask_person"]}
    task = await store.submit_task(NewTask(prompt=prompt, type="CHAT", params=params))
    return task.id


def find_question(page: Chrome, question: str) -> WebElement:
    items = page.find_elements(By.CSS_SELECTOR, "#approvals > li")
    return next(
        each
        for each in items
        if question in (each.get_property("textContent") or "")  # type: ignore[operator]
    )


def press(item: WebElement, label: str) -> None:
    item.find_element(By.XPATH, f".//button[.='{label}']").send_keys(Keys.ENTER)


async def test_open_questions_of_all_tasks_are_answered_in_one_place(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    first = await ask_person(store, f"How many? {HOSTILE}")
    await eventually(says(page, "#inbox-count", "1 open"), within=SECONDS)
    second = await ask_person(store, "Which one?")
    await eventually(says(page, "#inbox-count", "2 open"), within=SECONDS)
    assert page.title == "(2) COGO console"

    page.find_element(By.CSS_SELECTOR, "nav a[data-tab=inbox]").send_keys(Keys.ENTER)
    await eventually(says(page, "#approvals", "Which one?"), within=SECONDS)
    assert page.switch_to.active_element.get_attribute("id") == "detail"
    assert page.find_element(By.CSS_SELECTOR, "nav [aria-current]").text.startswith("Inbox")
    assert text(page, "#approvals .asked a").startswith("“ask_person")
    questions = text(page, "#approvals .question")
    assert questions == "How many? <img src=x onerror=alert(1)><U+202E>\nWhich one?"
    item = find_question(page, "How many?")
    field = item.find_element(By.TAG_NAME, "textarea")
    field.send_keys("seven ")

    item.find_element(By.CSS_SELECTOR, ".asked a").send_keys(Keys.ENTER)
    await eventually(says(page, ".detail .prompt", "How many?"), within=SECONDS)
    draft = (By.CSS_SELECTOR, "#approvals textarea")
    await eventually(lambda: bool(page.find_elements(*draft)), within=SECONDS)
    assert page.find_element(*draft).get_property("value") == "seven "  # begun in the inbox
    page.back()
    item = find_question(page, "How many?")
    item.find_element(By.TAG_NAME, "textarea").send_keys("or eight", Keys.CONTROL, Keys.ENTER)

    await eventually(says(page, "#approvals .answer .note", "seven or eight"), within=SECONDS)
    await eventually(says(page, "#inbox-count", "1 open"), within=SECONDS)
    assert "seven or eight" in (page.switch_to.active_element.text)
    listed = await http.get(f"/approvals?task_id={first}&answered=true")
    [answered] = listed.json()["approvals"]
    assert answered["comment"] == "seven or eight"
    await store.cancel_task(task_id=second)
    await eventually(says(page, "#approvals", "It was withdrawn before anybody"), within=SECONDS)
    await eventually(lambda: page.title == "Inbox · COGO", within=SECONDS)
    assert complaints(page) == []


async def test_the_inbox_goes_on_after_a_read_that_gets_no_answer(
    page: Chrome, store: SupabaseStore
) -> None:
    page.execute_script(HANG_ONCE)

    task_id = await ask_person(store, "Still there?")

    await eventually(says(page, "#inbox-count", "1 open"), within=2 * SECONDS)
    await store.cancel_task(task_id=task_id)
    await eventually(lambda: page.title == "COGO console", within=SECONDS)


async def test_an_answer_that_comes_second_is_kept_to_be_copied(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    page.get(f"{url}/#/inbox")
    task_id = await ask_person(store, "Who was first?")
    await eventually(says(page, "#approvals", "Who was first?"), within=SECONDS)
    item = find_question(page, "Who was first?")
    item.find_element(By.TAG_NAME, "textarea").send_keys("I was")
    [asked] = (await http.get("/approvals", params={"task_id": str(task_id)})).json()["approvals"]
    body = {"approved": True, "comment": "somebody else"}
    assert (await http.post(f"/approvals/{asked['id']}", json=body)).status_code == 200

    await eventually(says(page, "#approvals .answer", "somebody else"), within=SECONDS)
    kept = find_question(page, "Who was first?").find_element(By.TAG_NAME, "textarea")
    assert kept.get_property("value") == "I was"
    assert kept.get_attribute("readonly") is not None

    page.find_element(By.CSS_SELECTOR, ".inbox details > summary").send_keys(Keys.ENTER)
    await eventually(says(page, ".ended", "Who was first?"), within=SECONDS)
    assert "Answered by the operator local: somebody else" in text(page, ".ended")
    assert complaints(page) == []


async def test_the_inbox_fits_a_phone_and_every_control_has_a_name(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        task_id = await ask_person(store, "w" * 300)
        page.get(f"{url}/#/inbox")
        await eventually(says(page, "#approvals", "www"), within=SECONDS)
        width = page.execute_script("return document.documentElement.scrollWidth")
        assert width == PHONE["width"]
        controls = page.find_elements(By.CSS_SELECTOR, "input, textarea, button, a, section")
        named = [(each.get_attribute("outerHTML"), each.accessible_name) for each in controls]
        visible = [name for each, name in zip(controls, named, strict=True) if each.is_displayed()]
        assert len(visible) > 5
        assert [html for html, name in visible if not name] == []
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        await store.cancel_task(task_id=task_id)


def test_a_question_about_a_cap_says_anew_what_is_needed(page: Chrome) -> None:
    program = """
        const [approval, done] = arguments;
        const load = (name) => import(`/console/${name}`);
        const modules = ["inbox/approvals.js", "vendor/preact.js"];
        Promise.all(modules.map(load)).then(([{ Approvals }, { h, render }]) => {
          const detail = document.getElementById("detail");
          window.show = (approvals) => render(h(Approvals, { approvals }), detail);
          window.show([approval]);
          done();
        });
    """
    cap = {"limit_usd": 2, "spent_usd": 1.5, "needed_usd": 0.25, "resets_at": None, "steps": 1}
    asked = {"id": "1", "seq": 1, "task_id": "t", "key": "main/budget", "kind": "budget"}
    asked |= {"question": "May $0.25 more be spent?", "by": "operators", "cost_usd": "0.75"}
    clear_page(page)
    page.execute_async_script(program, asked | {"show": cap})
    assert text(page, "#approvals dt") == "Spent\nNeeded on top\nResets"
    assert text(page, "#approvals dd") == "$1.50 of $2.00\n$0.250\nnever"
    field = page.find_element(By.CSS_SELECTOR, "#approvals input")
    field.send_keys("only today")

    more = asked | {"question": "May $4 more be spent?", "cost_usd": "4.5"}
    show = cap | {"needed_usd": 4, "steps": 7}
    page.execute_script("window.show([arguments[0]])", more | {"show": show})

    assert text(page, "#approvals .question") == "May $4 more be spent?"
    assert text(page, "#approvals dd") == "$1.50 of $2.00\n$4.00\nnever\n7 steps"
    assert "may cost $4.50" in text(page, "#approvals .asked")
    assert field.get_property("value") == "only today"
    assert page.switch_to.active_element == field


def test_a_deadline_counts_down_by_the_gateways_clock(page: Chrome) -> None:
    program = """
        const [done] = arguments;
        const modules = ["/console/lib/countdown.js", "/console/lib/server_clock.js"];
        Promise.all(modules.map((each) => import(each))).then(
          ([{ describeTimeLeft }, { learnTime }]) => {
            learnTime(new Date(Date.now() - 3_600_000).toUTCString()); // this machine is ahead
            const at = (ms) => describeTimeLeft(new Date(Date.now() + ms).toISOString());
            done([at(-3_000_000), at(-3_700_000), at(86_400_000 * 3)]);
          });
    """

    soon, over, later = page.execute_async_script(program)

    assert soon.startswith(("in 10 min", "in 9 min"))
    assert (over, later) == ("now", "in 3 days 1 h")


STUB = """
  const [approvals] = arguments;
  const real = window.fetch;
  window.sent = [];
  window.fetch = (path, options) => {
    if (path.startsWith("/approvals?")) {
      const open = approvals.filter((each) => !each.answered_at);
      const found = path.includes("answered=true") ? [] : open;
      return Promise.resolve(Response.json({ approvals: found, prompts: {}, next: null }));
    }
    const found = approvals.find((each) => path === `/approvals/${each.id}`);
    if (!found) return real(path, options);
    if (options.method === "POST") {
      const { approved, comment } = JSON.parse(options.body);
      window.sent.push([found.id, approved, comment ?? null]);
      Object.assign(found, { answered_at: "2026-01-01T00:00:00Z", approved, comment });
    }
    return Promise.resolve(Response.json(found));
  };
"""


def a_call(number: int, question: str, task: str) -> dict[str, object]:
    """Return a question whether a tool may run."""
    shown = {"tool": "refund", "arguments": {"order": number}}
    return {
        "id": f"approval-{number}",
        "seq": number,
        "task_id": task,
        "key": "main/c",
        "call_id": f"c{number}",
        "question": question,
        "show": shown,
    }


async def stub_questions(page: Chrome) -> None:
    """Show four questions: three ask the same, of two tasks."""
    same = f"May refund be called? {HOSTILE}"
    first, second = "a" * 36, "b" * 36
    questions = [a_call(1, same, first), a_call(2, "May ship be called?", second)]
    page.execute_script(STUB, [*questions, a_call(3, same, first), a_call(4, same, second)])
    # Questions of other tests are forgotten before the page is opened.
    await eventually(says(page, "#inbox-count", "4 open"), within=SECONDS)
    page.execute_script("location.hash = '#/inbox'")
    await eventually(says(page, "#approvals", "May ship"), within=SECONDS)


def get_order(page: Chrome) -> list[str]:
    items = page.find_elements(By.CSS_SELECTOR, "#approvals > li")
    return [str(each.get_attribute("data-id"))[-1] for each in items]


async def test_questions_are_answered_by_keys_after_a_confirmation(page: Chrome) -> None:
    await stub_questions(page)
    body = page.find_element(By.CSS_SELECTOR, "#detail")
    body.send_keys("j")
    page.switch_to.active_element.send_keys("j")
    page.switch_to.active_element.send_keys("r")
    await eventually(says(page, "dialog.change", "May ship be called?"), within=SECONDS)
    assert page.execute_script("return window.sent") == []
    page.switch_to.active_element.send_keys("out of stock", Keys.ENTER)
    await eventually(says(page, "#approvals .answer", "Refused by"), within=SECONDS)

    page.find_element(By.CSS_SELECTOR, "[data-id=approval-1]").send_keys("a")
    await eventually(says(page, "dialog.change", '{"order":1}'), within=SECONDS)
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    await eventually(
        lambda: not page.find_elements(By.CSS_SELECTOR, "dialog.change"), within=SECONDS
    )
    assert page.execute_script("return window.sent") == [["approval-2", False, "out of stock"]]

    page.find_element(By.CSS_SELECTOR, "[data-id=approval-1] input").send_keys("jar")
    assert not page.find_elements(By.CSS_SELECTOR, "dialog.change")  # letters are typed


async def test_equal_questions_are_answered_together(page: Chrome) -> None:
    await stub_questions(page)
    assert get_order(page) == ["1", "2", "3", "4"]
    page.find_element(By.CSS_SELECTOR, ".inbox input[type=checkbox]").send_keys(Keys.SPACE)
    await eventually(lambda: get_order(page) == ["1", "3", "2", "4"], within=SECONDS)  # by task
    assert len(page.find_elements(By.CSS_SELECTOR, "#approvals .same-task")) == 2

    [group] = page.find_elements(By.CSS_SELECTOR, ".equal li")
    assert "3 times: May refund be called? <img src=x" in group.text
    group.find_element(By.XPATH, ".//button[.='Approve all']").send_keys(Keys.ENTER)
    await eventually(says(page, "dialog.change .will-do", "for 2 tasks"), within=SECONDS)
    assert '{"order":4}' in text(page, "dialog.change .will-do")
    page.find_element(By.XPATH, "//dialog//button[.='Approve all']").send_keys(Keys.ENTER)
    await eventually(says(page, "#news", "3 questions were answered"), within=SECONDS)

    sent = sorted(page.execute_script("return window.sent"))
    assert sent == [[f"approval-{number}", True, None] for number in (1, 3, 4)]
    await eventually(lambda: not page.find_elements(By.CSS_SELECTOR, ".equal li"), within=SECONDS)
    assert complaints(page) == []
