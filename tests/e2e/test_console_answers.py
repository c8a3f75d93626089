"""The answer of a task in a real browser: Markdown, copies, comparisons, forks and keys."""

from typing import Any, Final

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, complaints, retype, says, text
from tests.e2e.tasks import ended
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

HOSTILE: Final = """# Title
<script>document.title='owned'</script><img src=x onerror="document.title='owned'">
[run](javascript:document.title='owned') [data](data:text/html,x) [mail](mailto:a@b.c) [web](https://example.com)
![picture](https://example.com/x.png)
<a href="javascript:alert(1)" style="position:fixed" id="detail" class="top">x</a>
<form action="/"><input name=a></form>

- [x] done

| a | b |
|---|---|
| 1 | 2 |

right\u202eleft

```python
print("<b>hi</b>")  # unclosed"""
DRAW: Final = """
const [source, done] = arguments;
const load = (name) => import(`/console/${name}`);
const modules = ["lib/markdown.js", "vendor/preact.js"];
Promise.all(modules.map(load)).then(([{ Markdown }, { h, render }]) => {
  const shown = document.querySelector("main").appendChild(document.createElement("section"));
  shown.className = "section drawn";
  render(h(Markdown, { text: source }), shown);
  done();
});
"""
GROW: Final = """
const [source, done] = arguments;
const load = (name) => import(`/console/${name}`);
const modules = ["lib/markdown.js", "vendor/preact.js"];
Promise.all(modules.map(load)).then(([{ Markdown }, { h, render }]) => {
  const shown = document.querySelector("main").appendChild(document.createElement("section"));
  const update = (text) => render(h(Markdown, { text }), shown);
  update(source);
  const root = shown.firstElementChild;
  const first = root.firstElementChild;
  getSelection().selectAllChildren(first);
  const selected = String(getSelection());
  update(source + " and more\\n\\nlast");
  const [last] = [...root.children].slice(-1);
  done([first === root.firstElementChild, selected, String(getSelection()), last.textContent]);
});
"""
APPEND: Final = """
const [pieces, done] = arguments;
const load = (name) => import(`/console/${name}`);
const modules = ["task/answer_text.js", "vendor/preact.js"];
Promise.all(modules.map(load)).then(([{ GrowingText }, { h, render }]) => {
  const shown = document.querySelector("main").appendChild(document.createElement("section"));
  const known = [];
  const draw = () => render(h(GrowingText, { class: "text", pieces: known }), shown);
  known.push(pieces[0]);
  draw();
  const [text] = shown.querySelector("div").childNodes;
  getSelection().setBaseAndExtent(text, 0, text, 5);
  for (const each of pieces.slice(1)) {
    known.push(each);
    draw();
  }
  const selected = String(getSelection());
  getSelection().selectAllChildren(shown);
  const blocks = [...shown.querySelectorAll("pre > div")].map((each) => each.textContent.length);
  done([shown.textContent, selected, String(getSelection()), blocks]);
});
"""


async def submit(http: httpx.AsyncClient, store: SupabaseStore, **body: object) -> Any:
    return await ended(store, (await http.post("/tasks", json=body)).json()["id"])


async def test_markdown_is_drawn_as_elements_that_can_do_nothing(page: Chrome) -> None:
    page.execute_async_script(DRAW, HOSTILE)

    def read(script: str) -> Any:
        return page.execute_script(
            f"return [...document.querySelectorAll('.drawn .markdown *')]{script}"
        )

    links = read(
        ".filter((e) => e.localName === 'a').map((e) => [e.getAttribute('href'), e.target, e.rel])"
    )
    safe = ["_blank", "noopener noreferrer nofollow"]
    assert links == [
        [None, "", ""], [None, "", ""], ["mailto:a@b.c", *safe], ["https://example.com", *safe],
        ["https://example.com/x.png", *safe],
    ]  # fmt: skip
    names = set(read(".map((e) => e.localName)"))
    assert not names & {"script", "img", "form", "input", "style", "iframe", "svg"}
    assert {"h4", "table", "li"} <= names
    attributes = set(
        read(".filter((e) => e.closest('.block')).flatMap((e) => e.getAttributeNames())")
    )
    assert attributes <= {"href", "target", "rel", "class", "tabindex", "align"}
    classes = set(read(".filter((e) => e.closest('code')).flatMap((e) => [...e.classList])"))
    assert {"hljs-string"} <= classes
    assert all(each.startswith("hljs-") for each in classes)
    shown = text(page, ".drawn")
    assert "<script>document.title='owned'</script>" in shown, "HTML is text"
    assert "right<U+202E>left" in shown
    assert 'print("<b>hi</b>")' in text(page, ".drawn figure.code pre")
    assert "☑ done" in shown
    assert "owned" not in page.title
    assert complaints(page) == []


HUGE: Final = {
    "two megabytes": "word *em* `code` " * 120_000,
    "brackets": "[" * 100_000,
    "quotes": ">" * 100_000,
    "emphasis": "_a" * 50_000,
    "bold": "**a" * 33_000,
    "addresses": "a." * 50_000 + "@",
    "list": "\n".join(f"{' ' * 2 * depth}- a" for depth in range(500)),
    "table": "|a" * 500 + "|\n" + "|-" * 500 + "|\n" + ("|x" * 500 + "|\n") * 90,
    "fences": "```\n" * 25_000,
    "line": "x" * 2_000_000,
    "code": "```python\n" + "x = [1, 'a']\n" * 100_000 + "```",
}


@pytest.mark.parametrize("name", HUGE)
async def test_hostile_markdown_neither_hangs_nor_is_lost(page: Chrome, name: str) -> None:
    page.execute_async_script(DRAW, HUGE[name])  # its limit is that of scripts

    assert len(text(page, ".drawn")) > 1_000
    if len(HUGE[name]) > 100_000:
        assert "Show more" in text(page, ".drawn")
    assert complaints(page) == []


async def test_a_growing_text_keeps_what_is_drawn_and_selected(page: Chrome) -> None:
    is_same, before, after, last = page.execute_async_script(GROW, "First *block*\n\nSecond block")

    assert is_same
    assert before == after == "First block"
    assert last == "last\n"


async def test_a_growing_text_is_appended_in_blocks_of_lines(page: Chrome) -> None:
    pieces = [f"{number} words\n\nthat go on" for number in range(500)]

    shown, selected, copied, blocks = page.execute_async_script(APPEND, pieces)

    assert shown == copied == "".join(pieces)
    assert selected == pieces[0][:5]
    assert max(blocks) < 3_000


async def test_an_answer_is_read_as_markdown_and_as_it_is(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    said = "## Plan\n\n- **one**\n- two\n\n```js\nlet a = 1;\n```"
    task = await submit(http, store, prompt=f"[[say:{said}]]", type="CHAT")
    page.get(f"{url}/#/tasks/{task.id}")
    await eventually(says(page, "#answer .markdown h4", "Plan"), within=SECONDS)
    assert text(page, "#answer .markdown strong") == "one"
    assert "let" in text(page, "#answer .hljs-keyword")
    assert not page.find_element(By.CSS_SELECTOR, "#answer pre.text").is_displayed()

    page.find_element(By.XPATH, "//button[.='Plain text']").send_keys(Keys.ENTER)
    assert page.find_element(By.CSS_SELECTOR, "#answer pre.text").is_displayed()
    assert not page.find_element(By.CSS_SELECTOR, "#answer .markdown").is_displayed()
    page.find_element(By.XPATH, "//button[.='Plain text']").send_keys(Keys.ENTER)

    page.find_element(By.XPATH, "//summary[.='JSON']").send_keys(Keys.ENTER)
    await eventually(says(page, "#whole-task", str(task.id)), within=SECONDS)
    assert complaints(page) == []


async def test_code_is_shown_as_files_and_what_steps_said_is_compared(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    task = await submit(http, store, prompt="Write a function add(a, b)", type="GENERATE_CODE")
    page.get(f"{url}/#/tasks/{task.id}")
    result = task.result or {}
    await eventually(lambda: bool(text(page, "#code pre")), within=SECONDS)
    assert str(result["generated_code"]).strip()[:30] in text(page, "#code pre")
    assert page.find_elements(By.XPATH, "//*[@id='code']//button[.='Download']")
    assert "considered" in text(page, ".choices summary")
    assert text(page, ".candidates .chosen th")
    assert complaints(page) == []


async def test_a_task_is_forked_from_a_step_in_the_console(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    task = await submit(http, store, prompt="[[say:first]]", type="CHAT")
    page.get(f"{url}/#/tasks/{task.id}")
    await eventually(says(page, ".detail header", "Fork from a step"), within=SECONDS)
    page.find_element(By.LINK_TEXT, "Fork from a step…").send_keys(Keys.ENTER)
    await eventually(lambda: page.find_elements(By.ID, "fork-step") != [], within=SECONDS)
    Select(page.find_element(By.ID, "fork-step")).select_by_visible_text("main")
    await eventually(lambda: page.find_elements(By.ID, "fork-prompt") != [], within=SECONDS)
    field = page.find_element(By.ID, "fork-prompt")
    assert "[[say:first]]" in str(field.get_property("value"))
    retype(field, "[[say:second]]")
    page.find_element(By.XPATH, "//dialog//button[.='Fork']").send_keys(Keys.ENTER)

    await eventually(lambda: str(task.id) not in page.current_url, within=SECONDS)
    await eventually(says(page, "#answer", "second"), within=SECONDS)
    await eventually(says(page, ".relatives", "Asks again"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, ".relatives a").send_keys(Keys.ENTER)
    await eventually(says(page, ".relatives", "Asked again"), within=SECONDS)
    assert complaints(page) == []


async def test_a_task_is_asked_again_with_all_that_it_had(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    had = {"params": {"temperature": 0.5}, "tags": ["x"], "preferences": {"data_policy": "any"}}
    task = await submit(http, store, prompt="[[say:first]]", type="CHAT", **had)
    page.get(f"{url}/#/tasks/{task.id}")
    await eventually(says(page, "#answer", "first"), within=SECONDS)
    page.find_element(By.TAG_NAME, "body").send_keys("a")
    await eventually(says(page, "#ask", "This asks a task again"), within=SECONDS)
    field = page.find_element(By.ID, "prompt")
    assert field.get_property("value") == "[[say:first]]"
    field.send_keys(" in other words", Keys.CONTROL, Keys.ENTER)

    await eventually(says(page, ".relatives", "Asks again"), within=SECONDS)
    again = (await http.get(f"/tasks/{page.current_url.rpartition('/')[2]}")).json()["task"]
    assert again["forked_from"] == str(task.id)
    assert (again["params"], again["tags"]) == ({"temperature": 0.5}, ["x"])
    assert again["preferences"] == {"data_policy": "any", "preference": "balanced"}
    assert complaints(page) == []


async def test_keys_lead_from_task_to_task_and_are_listed(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    older = await submit(http, store, prompt="[[say:older]]", type="CHAT")
    newer = await submit(http, store, prompt="[[say:newer]]", type="CHAT")
    page.get(f"{url}/#/tasks/{newer.id}")
    await eventually(says(page, "#answer", "newer"), within=SECONDS)
    body = page.find_element(By.TAG_NAME, "body")

    body.send_keys("j")
    await eventually(lambda: str(older.id) in page.current_url, within=SECONDS)
    await eventually(says(page, "#answer", "older"), within=SECONDS)
    body.send_keys("k")
    await eventually(lambda: str(newer.id) in page.current_url, within=SECONDS)
    body.send_keys("?")
    await eventually(says(page, "#keys-dialog", "Copy the answer"), within=SECONDS)
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    body.send_keys("gt")
    await eventually(lambda: page.current_url.endswith("#/"), within=SECONDS)
    assert complaints(page) == []


async def test_attempts_at_a_step_are_compared_with_why_each_failed(
    http: httpx.AsyncClient, store: SupabaseStore, page: Chrome
) -> None:
    task = await submit(http, store, prompt="Write binary search [[fault:cut]]", type="CHAT")
    page.get(f"{http.base_url}/console#/tasks/{task.id}")

    await eventually(lambda: page.find_elements(By.ID, "attempts-diff"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "#attempts-diff > summary").click()
    await eventually(
        lambda: page.find_elements(By.CSS_SELECTOR, "#attempts-diff .actions button"),
        within=SECONDS,
    )
    compared = text(page, "#attempts-diff")
    page.find_element(By.XPATH, "//*[@id='attempts-diff']//button[.='Side by side']").click()
    columns = page.find_elements(By.CSS_SELECTOR, "#attempts-diff .compare-column pre")

    assert "#1" in compared
    assert "the connection broke" in compared
    assert "#1 → #2" in compared
    assert "routed cio" not in compared
    assert len(columns) >= 2
    assert all(each.text for each in columns)
    assert not complaints(page)
