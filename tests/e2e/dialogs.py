"""The console's buttons, and the dialogs that say what a change will do."""

from typing import Any
from uuid import UUID

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, text
from tests.support.eventually import eventually


def press(page: Chrome, name: str) -> None:
    """Press the button of this name."""
    page.find_element(By.XPATH, f"//button[@aria-label='{name}' or .='{name}']").send_keys(
        Keys.ENTER
    )


async def open_dialog(page: Chrome, name: str) -> None:
    """Press the button of this name, and wait for the dialog that says what it will do."""
    press(page, name)
    await eventually(
        lambda: bool(page.find_elements(By.CSS_SELECTOR, "dialog.change[open]")), within=SECONDS
    )


def field(page: Chrome, label: str) -> Any:
    return page.find_element(
        By.XPATH, f"//dialog//label[contains(., '{label}')]//*[self::input or self::select]"
    )


async def confirm(page: Chrome, label: str, *, reason: str | None = None) -> str:
    """Confirm what the dialog says, and return its sentence once it is closed."""
    said = text(page, "dialog.change .will-do")
    if reason is not None:
        field(page, "Reason").send_keys(reason)
    page.find_element(By.XPATH, f"//dialog//button[.='{label}']").send_keys(Keys.ENTER)
    await eventually(
        lambda: not page.find_elements(By.CSS_SELECTOR, "dialog.change"), within=SECONDS
    )
    return said


async def has_status(store: SupabaseStore, task_id: UUID, status: TaskState) -> bool:
    return (await store.fetch_task(task_id=task_id)).status is status
