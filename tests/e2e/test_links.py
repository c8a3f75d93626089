"""A signed link in a real browser: a person without a key answers a model."""

import json
from uuid import UUID

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from protocol.records import EVERYTHING, NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.conftest import LINK_SECRET
from tests.e2e.console import SECONDS, complaints, text
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e


async def test_a_person_answers_a_model_by_a_link(
    chromium: Chrome, system: System, store: SupabaseStore
) -> None:
    ask = json.dumps({"question": "Which colour <b>now</b>?"})
    params = {"tools": ["cogo:ask_person"]}
    task = await store.submit_task(NewTask(prompt=f"ask_person {ask}", type="CHAT", params=params))

    async def find_asked() -> list[str]:
        asked = await store.find_approvals(limit=2, visible=EVERYTHING, task_id=task.id)
        return [str(each.id) for each in asked]

    [approval_id] = await eventually(find_asked, within=SECONDS)
    made = system.cogo("approvals", "link", approval_id, COGO_LINK_SECRET=LINK_SECRET)
    assert made.returncode == 0, made.stderr

    chromium.get(made.stdout.strip())

    assert text(chromium, "h1") == "Which colour <b>now</b>?"
    label = chromium.find_element(By.CSS_SELECTOR, "label[for=comment]")
    assert label.text == "Your answer"
    chromium.find_element(By.ID, "comment").send_keys("blue", Keys.TAB, Keys.ENTER)
    await eventually(lambda: "Answered" in text(chromium, "h1"), within=SECONDS)
    assert "blue" in text(chromium, "main")
    assert complaints(chromium) == []
    chromium.back()
    chromium.refresh()
    assert "Answered" in text(chromium, "h1")
    answered = await store.fetch_approval(approval_id=UUID(approval_id))
    assert (answered.comment, answered.answered_via) == ("blue", "link")
