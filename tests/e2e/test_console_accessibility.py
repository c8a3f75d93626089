"""Every page of the console, judged by axe-core: light and dark, wide and on a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from selenium.webdriver import Chrome

from tests.e2e.console import SECONDS, says
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

PAGES: Final = (
    "/",
    "/tasks?status=failed&time=today&q=a",
    "/ask",
    "/tasks/{task}",
    "/inbox",
    "/columns",
    "/models",
    "/charts",
    "/agents",
    "/queue",
    "/limits",
    "/projects",
    "/dead",
    "/dead?time=today&do=retry",
    "/keys",
    "/keys?do=create",
    "/actions",
    "/memory",
    "/sessions",
    "/compare",
    "/compare?a={task}",
)
WIDE: Final = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE: Final = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
RUN: Final = """
const done = arguments[arguments.length - 1];
const describe = ({ id, help }, { html, any, all, none }) =>
  [id, help, html.slice(0, 200), ...[...any, ...all, ...none].map((each) => each.message)];
axe.run(document, { resultTypes: ["violations"] }).then(
  ({ violations }) => done(violations.flatMap((each) =>
    each.nodes.map((node) => describe(each, node).join(": ")))),
  (error) => done([String(error)]),
);
"""
SETTLED: Final = """
const text = document.querySelector("main").innerText;
return text.length > 20 && !/Loading/.test(text);
"""
EXCESS: Final = """
const { scrollWidth, clientWidth } = document.documentElement;
return scrollWidth - clientWidth;
"""
"""How far the page can be scrolled sideways."""


@pytest.fixture(scope="module")
def axe(javascript_folder: Path) -> str:
    """Return the source of axe-core."""
    return (javascript_folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


@pytest.fixture
async def address(request: pytest.FixtureRequest, url: str, http: httpx.AsyncClient) -> str:
    """Return the address of a page, with a task for those that show one."""
    said = "## Plan\n\n- [mail](mailto:a@b.c)\n\n```python\nprint(1)\n```\n\n| a |\n|---|\n| 1 |"
    body = {"prompt": f"[[say:{said}]]", "type": "CHAT"}
    task: dict[str, Any] = (await http.post("/tasks", json=body)).json()
    return f"{url}/#{request.param.format(task=task['id'])}"


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Chrome) -> Iterator[Chrome]:
    """Yield the browser with a size of its window and a colour scheme."""
    size, scheme = request.param
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield chromium
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


looks = pytest.mark.parametrize(
    "page",
    [(size, scheme) for size in (WIDE, PHONE) for scheme in ("light", "dark")],
    ids=["wide", "wide-dark", "phone", "phone-dark"],
    indirect=True,
)


@looks
@pytest.mark.parametrize("address", PAGES, indirect=True)
async def test_a_page_has_no_violation(page: Chrome, address: str, axe: str) -> None:
    page.get("about:blank")
    page.get(address)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    await eventually(lambda: page.execute_script(SETTLED), within=SECONDS)
    page.execute_script(axe)

    assert page.execute_async_script(RUN) == []
    assert page.execute_script(EXCESS) == 0


@looks
async def test_the_palette_has_no_violation(page: Chrome, url: str, axe: str) -> None:
    page.get("about:blank")
    page.get(url)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    page.execute_script("document.getElementById('palette-button').click()")
    await eventually(
        lambda: page.switch_to.active_element.get_attribute("role") == "combobox", within=SECONDS
    )
    page.switch_to.active_element.send_keys("lane")
    await eventually(says(page, "#palette-list", "Pause lane"), within=SECONDS)
    page.execute_script(axe)

    assert page.execute_async_script(RUN) == []
    assert page.execute_script(EXCESS) == 0
