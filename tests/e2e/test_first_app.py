"""The page of the tutorial "My first app" in a real browser, with a user who signs up."""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By

from tests.e2e.console import SECONDS, says, text
from tests.support.browser import open_browser
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

PROMPT = "Count for my first app [[pieces:200]]"
EXAMPLE = Path(__file__).parents[2] / "examples" / "my-first-app"


class _SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Write nothing to the terminal of the tests."""


@pytest.fixture
def address(tmp_path: Path, system: System, javascript_folder: Path) -> Iterator[str]:
    """Serve a copy of the example that names the running system."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "app"))
    (folder / "node_modules").symlink_to(javascript_folder / "node_modules")
    (folder / "config.js").write_text(
        f'export const SUPABASE_URL = "{system.state.url}";\n'
        f'export const SUPABASE_PUBLISHABLE_KEY = "{system.state.publishable_key}";\n'
    )
    handler = partial(_SilentHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


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
        page.find_element(By.CSS_SELECTOR, "#ask button").send_keys(Keys.ENTER)

        await eventually(says(page, "#answer", "w5 "), within=SECONDS)
        assert "w199" not in text(page, "#answer"), "the text comes while it is written"
        await eventually(says(page, "#status", "$"), within=SECONDS)
        async with httpx.AsyncClient(base_url=system.state.url, headers=system.headers) as rest:
            query = {"select": "owner,result", "prompt": f"eq.{PROMPT}"}
            [task] = (await rest.get("/rest/v1/cogo_tasks", params=query)).json()
        assert task["owner"] is not None
        assert text(page, "#answer") == task["result"]["text"]
