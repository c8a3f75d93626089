"""The machine's Chromium, headless, driven over WebDriver, and pages of examples for it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from embedded.state import State
from tests.support.sources import ROOT

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
DRIVER: Final = "chromedriver"
FIRST_APP: Final = ROOT / "examples" / "my-first-app"
FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1440,1000",
)

_RECORD: Final = """
const shown = (window.shownTexts = []);
const element = document.querySelector(arguments[0]);
const record = () => shown.push(element.textContent);
const kinds = { childList: true, characterData: true, subtree: true };
new MutationObserver(record).observe(element, kinds);
"""


@contextmanager
def open_browser(profile: Path, *more: str) -> Iterator[Chrome]:
    """Open a browser with a profile of its own; skips the test where there is none."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which(DRIVER)
    if browser is None or driver is None:
        pytest.skip("no Chromium: install chromium and chromium-driver (scripts/browser does)")
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}", *more):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which Chromium does not offer to root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with Chrome(options=options, service=Service(driver)) as opened:
        opened.set_script_timeout(20)
        yield opened


class _SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Write nothing to the terminal of the tests."""


@contextmanager
def serve_page(folder: Path, *examples: Path, state: State, packages: Path) -> Iterator[str]:
    """Serve copies of examples, later ones over earlier ones; yield the URL."""
    for example in examples:
        shutil.copytree(example, folder, dirs_exist_ok=True)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    (folder / "config.js").write_text(
        f'export const SUPABASE_URL = "{state.url}";\n'
        f'export const SUPABASE_PUBLISHABLE_KEY = "{state.publishable_key}";\n'
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


def record_texts(page: Chrome, selector: str) -> None:
    """Begin to record every text that an element shows, however short."""
    page.execute_script(_RECORD, selector)


def recorded_texts(page: Chrome) -> list[str]:
    """Return the recorded texts."""
    found: list[str] = page.execute_script("return window.shownTexts")
    return found
