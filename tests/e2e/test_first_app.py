"""The page of the tutorial "My first app" in a real browser, with a user who signs up."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Keys
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
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

PROMPT = "Count for my first app [[pieces:200]]"


@pytest.fixture
def address(tmp_path: Path, system: System, javascript_folder: Path) -> Iterator[str]:
    """Serve a copy of the example that names the running system."""
    folder = tmp_path / "app"
    with serve_page(folder, FIRST_APP, state=system.state, packages=javascript_folder) as url:
        yield url


async def test_a_signed_in_user_watches_the_answer_being_written(
    address: str, system: System, tmp_path: Path
) -> None:
    with open_browser(tmp_path / "profile") as page:
        page.get(address)
        page.find_element(By.ID, "email").send_keys("somebody@example.com")
        page.find_element(By.ID, "password").send_keys("a long password")
        page.find_element(By.CSS_SELECTOR, "#sign-in button").send_keys(Keys.ENTER)
        await eventually(page.find_element(By.ID, "ask").is_displayed, within=SECONDS)

        prompt = page.find_element(By.ID, "prompt")
        prompt.clear()
        prompt.send_keys(PROMPT)
        record_texts(page, "#answer")
        page.find_element(By.CSS_SELECTOR, "#ask button").send_keys(Keys.ENTER)

        await eventually(says(page, "#status", "$"), within=SECONDS)
        partial = [each for each in recorded_texts(page) if "w5 " in each and "w199" not in each]
        assert partial, "the text comes while it is written"
        async with httpx.AsyncClient(base_url=system.state.url, headers=system.headers) as rest:
            query = {"select": "owner,result", "prompt": f"eq.{PROMPT}"}
            [task] = (await rest.get("/rest/v1/cogo_tasks", params=query)).json()
        assert task["owner"] is not None
        assert text(page, "#answer") == task["result"]["text"]
