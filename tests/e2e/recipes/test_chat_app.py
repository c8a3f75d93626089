"""The chat app in a real browser."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.e2e.console import SECONDS, says, text
from tests.support.browser import (
    FIRST_APP,
    open_browser,
    record_texts,
    recorded_texts,
    serve_page,
)
from tests.support.eventually import eventually
from tests.support.servers.simulator import Journal
from tests.support.servers.system import System
from tests.support.sources import ROOT

pytestmark = pytest.mark.e2e

CHAT = ROOT / "examples" / "recipes" / "chat-app"


async def send(page: Chrome, message: str) -> None:
    page.find_element(By.ID, "prompt").send_keys(message)
    page.find_element(By.CSS_SELECTOR, "#ask button").send_keys(Keys.ENTER)


async def test_a_user_has_a_conversation_that_is_there_again_after_a_reload(
    system: System, javascript_folder: Path, tmp_path: Path, journal: Journal
) -> None:
    folder = tmp_path / "chat"
    with (
        serve_page(folder, FIRST_APP, CHAT, state=system.state, packages=javascript_folder) as url,
        open_browser(tmp_path / "profile") as page,
    ):
        page.get(url)
        page.find_element(By.ID, "email").send_keys("talker@example.com")
        page.find_element(By.ID, "password").send_keys("a long password")
        page.find_element(By.CSS_SELECTOR, "#sign-in button").click()
        await eventually(page.find_element(By.ID, "ask").is_displayed, within=SECONDS)

        record_texts(page, "#messages")
        await send(page, "Count first [[pieces:200]]")
        await eventually(says(page, "#messages", "w199"), within=SECONDS)
        partial = [each for each in recorded_texts(page) if "w5 " in each and "w199" not in each]
        assert partial, "the text comes while it is written"
        button = page.find_element(By.CSS_SELECTOR, "#ask button")
        await eventually(button.is_enabled, within=SECONDS)

        await send(page, "What did I say?")
        await eventually(says(page, "#messages", 'wrote "What did I say?"'), within=SECONDS)
        await eventually(button.is_enabled, within=SECONDS)
        first, second = await journal.requests()
        assert second["message_count"] == first["message_count"] + 2, "the model gets what was said"

        page.refresh()
        await eventually(says(page, "#messages", 'wrote "What did I say?"'), within=SECONDS)
        assert "w199" in text(page, "#messages")
