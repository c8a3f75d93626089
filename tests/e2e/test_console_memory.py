"""The console's pages of memory and conversations in a real browser."""

from uuid import uuid4

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from protocol.lifecycle import TaskState
from protocol.records import NewTask
from protocol.records.memory import NewFact
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, complaints, says
from tests.e2e.dialogs import confirm, has_status, open_dialog
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=alert(1)>\u202e"
SHOWN = "<img src=x onerror=alert(1)><U+202E>"


async def test_facts_are_found_and_forgotten(page: Chrome, url: str, store: SupabaseStore) -> None:
    fact = NewFact(content=f"Zebras like {HOSTILE}", source="test/zebras")
    [kept] = await store.remember(owner=None, facts=[fact])
    page.get(f"{url}/#/memory")
    await eventually(says(page, ".wide[aria-label='List of facts']", SHOWN), within=SECONDS)
    form = page.find_element(By.CSS_SELECTOR, "[aria-label='Search memory']")
    form.find_element(By.CSS_SELECTOR, "[type=checkbox]").click()
    form.find_element(By.CSS_SELECTOR, "[type=search]").send_keys("zebras", Keys.ENTER)
    await eventually(says(page, ".hits", SHOWN), within=SECONDS)

    await open_dialog(page, f"Forget: Zebras like {SHOWN}")
    await confirm(page, "Forget it")
    found = await store.fetch_memories_between(first=kept.id, last=kept.id, limit=1)
    assert found == []
    assert complaints(page) == []


async def test_a_conversation_is_read_copied_and_deleted(
    page: Chrome, url: str, http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    session = uuid4()
    new = NewTask(prompt=f"Hello {HOSTILE}", type="CHAT", session_id=session)
    task = await store.submit_task(new)
    await eventually(lambda: has_status(store, task.id, TaskState.COMPLETED), within=60)
    page.get(f"{url}/#/sessions")
    await eventually(says(page, ".operate table", "Hello"), within=SECONDS)
    page.get(f"{url}/#/sessions/{session}")
    await eventually(says(page, ".said", SHOWN), within=SECONDS)

    await open_dialog(page, "Copy up to here")
    await confirm(page, "Copy it")
    await eventually(lambda: str(session) not in page.current_url, within=SECONDS)
    await eventually(says(page, ".said", SHOWN), within=SECONDS)
    copy = page.current_url.rpartition("/")[2]
    await open_dialog(page, "Delete")
    await confirm(page, "Delete it")
    await eventually(says(page, ".operate h2", "Conversations"), within=SECONDS)
    assert (await http.get(f"/sessions/{copy}")).status_code == 404
    assert (await http.get(f"/sessions/{session}")).status_code == 200
    assert complaints(page) == []
