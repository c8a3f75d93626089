"""What a person has typed in the console and not sent: it outlives a reload, in a real browser."""

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from protocol.records import NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, complaints, says
from tests.e2e.dialogs import field, open_dialog, press
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

TYPED = "Two lines\nof a long prompt"


def value(page: Chrome, selector: str) -> object:
    found = page.find_elements(By.CSS_SELECTOR, selector)
    return found[0].get_property("value") if found else None


async def test_a_form_keeps_what_was_typed_until_it_is_sent(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    other = await store.submit_task(NewTask(prompt="[[say:other]]", type="CHAT"))
    page.get(f"{url}/#/ask")
    await eventually(lambda: value(page, "#prompt") == "", within=SECONDS)
    page.find_element(By.ID, "prompt").send_keys(TYPED)
    Select(page.find_element(By.ID, "type")).select_by_value("CHAT")
    page.find_element(By.ID, "budget").send_keys("0.5")
    page.find_element(By.ID, "stream").click()

    page.refresh()
    await eventually(lambda: value(page, "#prompt") == TYPED, within=SECONDS)
    assert (value(page, "#type"), value(page, "#budget")) == ("CHAT", "0.5")
    assert not page.find_element(By.ID, "stream").is_selected()

    page.get(f"{url}/#/ask?from={other.id}")
    await eventually(lambda: value(page, "#prompt") == other.prompt, within=SECONDS)
    page.find_element(By.ID, "prompt").send_keys(" louder")
    page.refresh()
    await eventually(lambda: value(page, "#prompt") == f"{other.prompt} louder", within=SECONDS)
    await eventually(says(page, "#ask", "asks a task again"), within=SECONDS)
    page.get(f"{url}/#/ask?type=CHAT&prompt=Hello")
    await eventually(lambda: value(page, "#prompt") == "Hello", within=SECONDS)
    press(page, "Put it back")
    await eventually(lambda: value(page, "#prompt") == f"{other.prompt} louder", within=SECONDS)

    page.find_element(By.ID, "prompt").send_keys(Keys.CONTROL, Keys.ENTER)
    await eventually(says(page, ".relatives", "Asks again"), within=SECONDS)
    page.get(f"{url}/#/ask")
    page.refresh()
    await eventually(lambda: value(page, "#prompt") == "", within=SECONDS)
    assert complaints(page) == []


async def test_a_dialog_and_an_answer_keep_what_was_typed(
    page: Chrome, url: str, store: SupabaseStore
) -> None:
    params = {"tools": ["cogo:ask_person"]}
    prompt = 'ask_person {"question": "How many drafts?"}'
    task = await store.submit_task(NewTask(prompt=prompt, type="CHAT", params=params))
    page.get(f"{url}/#/inbox")
    await eventually(lambda: value(page, "#approvals textarea") == "", within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "#approvals textarea").send_keys("Seven, at")
    page.refresh()
    await eventually(lambda: value(page, "#approvals textarea") == "Seven, at", within=SECONDS)
    await store.cancel_task(task_id=task.id)

    page.get(f"{url}/#/limits")
    await eventually(says(page, ".operate", "Set a cap"), within=SECONDS)
    await open_dialog(page, "Set a cap")
    field(page, "Limit").send_keys("12")
    field(page, "Reason").send_keys("the spring sale")
    page.refresh()
    await eventually(says(page, ".operate", "Set a cap"), within=SECONDS)
    await open_dialog(page, "Set a cap")
    assert field(page, "Limit").get_property("value") == "12"
    assert field(page, "Reason").get_property("value") == "the spring sale"
    press(page, "Back")
    await eventually(
        lambda: not page.find_elements(By.CSS_SELECTOR, "dialog.change"), within=SECONDS
    )
    await open_dialog(page, "Set a cap")
    assert field(page, "Reason").get_property("value") == ""
    assert complaints(page) == []


def test_another_user_does_not_read_what_the_one_before_had_typed(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/ask")
    program = """
        const [done] = arguments;
        const names = ["session", "draft"];
        Promise.all(names.map((name) => import(`/console/lib/${name}.js`))).then(
          ([{ setKey, setUser }, { keepDraft, readDraft }]) => {
            const found = [];
            for (const email of ["anna@example.org", "anna@example.org", "ben@example.org"]) {
              setUser(email, { access_token: "a", refresh_token: "r", expires_in: 3600 });
              found.push(readDraft("test"));
              keepDraft("test", "typed");
            }
            setKey(null);
            keepDraft("test", null);
            done(found);
          },
        );
    """

    assert page.execute_async_script(program) == [None, "typed", None]
