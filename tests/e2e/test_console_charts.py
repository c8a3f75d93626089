"""The page of charts in a real browser: what cost most, its numbers, and its address."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import asyncpg
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from protocol.ids import utc_now
from tests.e2e.console import SECONDS, complaints, says, text
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

HOSTILE = "=<img src=x onerror=alert(1)>"
INSERT = """
insert into public.cogo_calls (
  id, outcome, agent_id, model_id, provider, started_at, ended_at, duration_ms, input_tokens,
  output_tokens, cost_usd
)
values (gen_random_uuid(), 'completed', 'charts', $1, $2, $3, $3, 1500, 100, 50, $4)
"""
DRAWN = """
const canvas = document.querySelector("#chart-cost canvas");
if (!canvas) return 0;
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
return new Set(new Uint32Array(data.buffer)).size;
"""
"""The number of colours of a chart."""
EXCESS = """
document.querySelector("#chart-cost thead th:last-child").style.minWidth = "2000px";
const { scrollWidth, clientWidth } = document.documentElement;
return scrollWidth - clientWidth;
"""
"""How far the page can be scrolled sideways if a table is wide."""
SAVED = """
window.saved = [];
URL.createObjectURL = (blob) => {
  blob.text().then((text) => window.saved.push(text));
  return "about:blank#saved";
};
HTMLAnchorElement.prototype.click = () => {};
"""


@pytest.fixture
async def calls(system: System) -> AsyncIterator[None]:
    """Insert calls of yesterday and of the week before, which nothing else of a test sees."""
    noon = utc_now().replace(hour=12, minute=0) - timedelta(days=1)
    connection = await asyncpg.connect(system.state.db_url)
    rows = [
        ("dear-yesterday", "charts", noon, "2.50"),
        ("cheap-yesterday", "charts", noon, "0.25"),
        (HOSTILE, "charts", noon, None),
        ("dear-last-week", "charts", noon - timedelta(days=4), "90"),
    ]
    await connection.executemany(INSERT, [(a, b, c, d) for a, b, c, d in rows])
    try:
        yield
    finally:
        await connection.execute("delete from public.cogo_calls where agent_id = 'charts'")
        await connection.close()


@pytest.mark.usefixtures("calls")
async def test_two_clicks_say_which_model_cost_most_yesterday(page: Chrome) -> None:
    page.find_element(By.CSS_SELECTOR, "nav a[data-tab=charts]").click()
    await eventually(says(page, ".totals", "dear-last-week cost most: $90.00"), within=SECONDS)
    page.find_element(By.LINK_TEXT, "Yesterday").click()

    await eventually(says(page, ".totals", "dear-yesterday cost most: $2.50"), within=SECONDS)
    assert "1 call has an unknown cost, which is not included." in text(page, ".totals .reason")
    assert HOSTILE in text(page, ".totals tbody")
    assert "dear-last-week" not in text(page, "main")
    assert "period=yesterday" in page.current_url
    await eventually(lambda: page.execute_script(DRAWN) > 3, within=SECONDS)
    page.refresh()
    await eventually(says(page, ".totals", "dear-yesterday cost most"), within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "main img") == []
    assert complaints(page) == []


@pytest.mark.usefixtures("calls")
async def test_a_chart_has_its_numbers_as_a_table_and_as_a_file(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/charts?period=7d&provider=charts")
    await eventually(says(page, "#chart-tokens .legend", HOSTILE), within=SECONDS)
    page.execute_script(SAVED)

    page.find_element(By.CSS_SELECTOR, "#chart-cost summary").send_keys(Keys.ENTER)
    await eventually(says(page, "#chart-cost tbody", "$2.50"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "#chart-tokens button").send_keys(Keys.ENTER)
    await eventually(lambda: page.execute_script("return window.saved.length") == 1, within=SECONDS)

    lines = page.execute_script("return window.saved[0]").splitlines()
    assert lines[0] == f"bucket,dear-last-week,dear-yesterday,cheap-yesterday,'{HOSTILE}"
    assert len(lines) == 1 + 7
    assert sorted(lines[6].split(",")[1:]) == ["0", "150", "150", "150"]
    assert page.execute_script(EXCESS) == 0
    assert complaints(page) == []


@pytest.mark.usefixtures("calls")
async def test_the_grouping_and_a_filter_are_in_the_address(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/charts?period=7d&provider=charts")
    await eventually(says(page, ".totals tbody", "cheap-yesterday"), within=SECONDS)

    page.find_element(By.LINK_TEXT, "cheap-yesterday").click()
    await eventually(says(page, ".totals tbody", "no project"), within=SECONDS)
    assert "model=cheap-yesterday" in page.current_url
    assert "$0.250 for 1 call" in text(page, ".totals .summary")
    page.back()
    await eventually(says(page, ".totals tbody", "dear-last-week"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, ".chosen button").click()
    await eventually(lambda: "provider=" not in page.current_url, within=SECONDS)


@pytest.mark.usefixtures("calls")
async def test_a_cost_that_is_not_known_is_not_zero(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/charts?period=7d&provider=charts&model={quote(HOSTILE)}")

    await eventually(says(page, ".totals .summary", "1 call."), within=SECONDS)

    assert "$" not in text(page, ".totals")


async def test_a_period_without_calls_and_a_refusal_are_said(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/charts?since=2001-01-01&until=2001-01-03")
    await eventually(says(page, "main", "No model was called in this period."), within=SECONDS)
    page.get(f"{url}/#/charts?since=2001-01-01&until=2001-01-03&owner=nonsense")
    await eventually(says(page, "main [role=alert]", "owner"), within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "main [role=alert] button")
