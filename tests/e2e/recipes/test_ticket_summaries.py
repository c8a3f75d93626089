"""Tickets in a real browser: their AI columns fill while the page is open."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from postgrest import ReturnMethod
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.e2e.console import SECONDS, says, text
from tests.e2e.recipes.conftest import RECIPES, read, run_file
from tests.support.accounts import an_email, connected, sign_up
from tests.support.browser import FIRST_APP, open_browser, serve_page
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

TICKETS = RECIPES / "ticket-summaries"


@pytest.fixture(autouse=True)
async def table(database: asyncpg.Connection) -> AsyncIterator[None]:
    await run_file(database, TICKETS / "tickets.sql")
    yield
    await database.execute("drop table public.tickets; drop type public.urgency")


def write(page: Chrome, fields: dict[str, str], form: str) -> None:
    for name, value in fields.items():
        page.find_element(By.ID, name).send_keys(value)
    page.find_element(By.CSS_SELECTOR, f"{form} button").send_keys(Keys.ENTER)


async def test_a_user_sends_a_ticket_and_sees_its_columns_fill(
    system: System, database: asyncpg.Connection, javascript_folder: Path, tmp_path: Path
) -> None:
    email, folder = an_email(), tmp_path / "tickets"
    with (
        serve_page(
            folder, FIRST_APP, TICKETS, state=system.state, packages=javascript_folder
        ) as url,
        open_browser(tmp_path / "profile") as page,
    ):
        page.get(url)
        write(page, {"email": email, "password": "a long password"}, "#sign-in")
        await eventually(page.find_element(By.ID, "ask").is_displayed, within=SECONDS)
        write(page, {"subject": "Refund", "body": "I <b>paid</b> twice."}, "#ask")
        await eventually(says(page, "#tickets", "Refund; I <b>paid</b> twice."), within=SECONDS)
        await eventually(says(page, "#tickets", "low"), within=SECONDS)
        assert page.find_elements(By.CSS_SELECTOR, "#tickets b") == []
        assert text(page, "#status") == ""

    [task] = await database.fetch(
        """
        select u.email, k.status
          from public.cogo_column_cells c
          join public.cogo_tasks k on k.id = c.task_id
          join public.tickets t on t.id = (c.key ->> 0)::bigint
          join auth.users u on u.id = k.owner
         where c.table_name = 'public.tickets' and c.column_name = 'summary'
        """
    )
    assert (task["email"], task["status"]) == (email, "completed")


async def test_users_see_and_write_only_what_is_theirs(system: System) -> None:
    key = system.state.publishable_key
    async with connected(system.state.url, key) as ada, connected(system.state.url, key) as ben:
        await sign_up(ada, an_email())
        await sign_up(ben, an_email())
        ticket = {"subject": "Lost", "body": "My key is lost."}
        await ada.table("tickets").insert(ticket, returning=ReturnMethod.minimal).execute()

        async def filled() -> object:
            [row] = await read(ada, "tickets")
            return row["summary"] and row["urgency"] and row["summary"]

        assert "Lost" in str(await eventually(filled, within=SECONDS))
        cells = await read(ada, "cogo_column_cells")
        assert {each["column_name"] for each in cells} == {"summary", "urgency"}
        for table in ("tickets", "cogo_column_cells", "cogo_tasks"):
            assert await read(ben, table) == []
        with pytest.raises(Exception, match="permission denied"):
            await ben.table("tickets").insert(ticket | {"summary": "Mine."}).execute()
