"""Pages of examples, served to a browser as their readers serve them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from selenium.webdriver import Chrome

from embedded.state import State
from tests.support.sources import ROOT

FIRST_APP = ROOT / "examples" / "my-first-app"


class _SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Write nothing to the terminal of the tests."""


@contextmanager
def serve_page(folder: Path, *examples: Path, state: State, packages: Path) -> Iterator[str]:
    """Serve copies of examples, later ones over earlier ones, that name a project; yield the URL."""
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


_RECORD = """
const shown = (window.shownTexts = []);
const element = document.querySelector(arguments[0]);
const record = () => shown.push(element.textContent);
new MutationObserver(record).observe(element, { childList: true, characterData: true, subtree: true });
"""


def record_texts(page: Chrome, selector: str) -> None:
    """Begin to record every text that an element shows, however short."""
    page.execute_script(_RECORD, selector)  # type: ignore[no-untyped-call]


def recorded_texts(page: Chrome) -> list[str]:
    """Return the recorded texts."""
    found: list[str] = page.execute_script("return window.shownTexts")  # type: ignore[no-untyped-call]
    return found
