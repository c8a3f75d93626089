"""AI columns in the console, in a real browser, on a running system."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.console import SECONDS, complaints, says, text
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

TABLE = 'public."<b>ö"'
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


CREATE = """
create table public."<b>ö" (
  id int primary key, body text, score int,
  note text constraint odd_ids check (id % 2 = 1 or note is null)
);
insert into public."<b>ö" select n, 'text ' || n from generate_series(1, 5) n;
"""
WRITE = """
insert into public."<b>ö" (id, body) values (11, 'a'), (12, 'b'), (13, ''), (14, 'd');
update public."<b>ö" set note = 'mine' where id = 13;
"""
INSTALL = """
select cogo.ai_column('public."<b>ö"', $1, prompt => 'Judge {body}', max_usd_per_day => 2)
"""


@pytest.fixture
async def database(system: System) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(system.state.db_url)
    await connection.execute(CREATE)
    try:
        yield connection
    finally:
        await connection.execute('drop table public."<b>ö"')
        await connection.close()


def button(page: Chrome, label: str) -> WebElement:
    return page.find_element(By.XPATH, f"//*[@id='detail']//button[.='{label}']")


def press(page: Chrome, label: str) -> None:
    button(page, label).send_keys(Keys.ENTER)


async def test_old_rows_are_asked_for_after_an_estimate_and_a_confirmation(
    page: Chrome, url: str, database: asyncpg.Connection
) -> None:
    column_id = await database.fetchval(INSTALL, "score")
    page.find_element(By.CSS_SELECTOR, "nav a[data-tab=columns]").send_keys(Keys.ENTER)
    await eventually(says(page, ".columns", f"{TABLE}.score"), within=SECONDS)
    link = page.find_element(By.CSS_SELECTOR, f".columns a[href='#/columns/{column_id}']")
    link.send_keys(Keys.ENTER)
    await eventually(says(page, "section[aria-label=Settings]", "Judge {body}"), within=SECONDS)
    await eventually(lambda: button(page, "Pause").is_displayed(), within=SECONDS)

    press(page, "Pause")
    await eventually(says(page, ".reason", "Paused by an operator."), within=SECONDS)
    assert page.switch_to.active_element.text == "Resume"
    page.find_element(By.CSS_SELECTOR, ".backfill > summary").send_keys(Keys.ENTER)
    press(page, "Estimate")
    await eventually(says(page, ".estimate", "5 rows. What they cost is not known"), within=SECONDS)
    confirm = page.switch_to.active_element
    assert confirm.text == "Ask for 5 rows"
    page.find_element(By.CSS_SELECTOR, ".limit input").send_keys("3")
    assert not confirm.is_displayed()  # something else is asked for now
    press(page, "Estimate")
    await eventually(says(page, ".estimate", "3 rows."), within=SECONDS)
    await eventually(lambda: button(page, "Ask for 3 rows").is_displayed(), within=SECONDS)
    press(page, "Ask for 3 rows")
    await eventually(says(page, ".estimate", "3 rows were asked for."), within=SECONDS)
    press(page, "Resume")

    await eventually(says(page, ".numbers", "3 done"), within=SECONDS)
    await eventually(says(page, "header [role=status]", "up to date"), within=SECONDS)
    await eventually(lambda: text(page, ".cells tbody th") == "1\n2\n3", within=SECONDS)
    assert text(page, ".cells thead th").startswith("id\n")
    page.find_element(By.CSS_SELECTOR, ".cells tbody a").send_keys(Keys.ENTER)
    await eventually(says(page, ".detail .prompt", "Judge"), within=SECONDS)
    await eventually(says(page, ".relatives", "For an AI column"), within=SECONDS)
    assert page.find_elements(By.CSS_SELECTOR, "main b") == []
    assert complaints(page) == []


async def test_failures_stand_together_by_reason_and_cells_by_state(
    page: Chrome, url: str, database: asyncpg.Connection
) -> None:
    column_id = await database.fetchval(INSTALL, "note")
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        page.get(f"{url}/#/columns/{column_id}")
        await database.execute(WRITE)
        failures = "section[aria-label=Failures]"
        await eventually(
            says(page, failures, 'violates check constraint "odd_ids"'), within=SECONDS
        )
        await eventually(says(page, ".failures .cell-state", "2"), within=SECONDS)
        await eventually(says(page, ".failures .facts", "12, 14"), within=SECONDS)
        await eventually(says(page, ".numbers", "1 kept"), within=SECONDS)

        state = page.find_element(By.CSS_SELECTOR, ".cells select")
        state.send_keys("failed")
        await eventually(lambda: text(page, ".cells tbody th") == "12\n14", within=SECONDS)
        assert "odd_ids" in text(page, ".cells .why")
        width = page.execute_script("return document.documentElement.scrollWidth")
        assert width == PHONE["width"]
        controls = page.find_elements(By.CSS_SELECTOR, "input, select, button, a, section, svg")
        visible = [each for each in controls if each.is_displayed()]
        assert len(visible) > 10
        assert [
            each.get_attribute("outerHTML") for each in visible if not each.accessible_name
        ] == []
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert complaints(page) == []


async def test_a_column_that_is_gone_says_so_and_leads_back(page: Chrome, url: str) -> None:
    page.get(f"{url}/#/columns/{uuid4()}")
    await eventually(says(page, "#detail [role=alert]", "there is no AI column"), within=SECONDS)
    page.find_element(By.CSS_SELECTOR, "#detail .up").send_keys(Keys.ENTER)
    await eventually(says(page, "#detail h2", "Columns"), within=SECONDS)
