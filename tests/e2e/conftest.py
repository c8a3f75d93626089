"""One running system for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx
import pytest
from selenium.webdriver import Chrome

from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS
from tests.e2e.tasks import is_quiet
from tests.support.browser import open_browser
from tests.support.eventually import eventually
from tests.support.servers.simulator import Journal, journal_of
from tests.support.servers.system import System, running_system

LINK_SECRET: Final = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run an orchestrator and two executors; those that a test kills are started again."""
    home = tmp_path_factory.mktemp("system")
    with running_system(home, "--executors", "2", COGO_LINK_SECRET=LINK_SECRET) as running:
        yield running


@pytest.fixture
async def store(system: System) -> AsyncIterator[SupabaseStore]:
    async with system.store() as opened:
        yield opened


@pytest.fixture
async def journal(system: System) -> AsyncIterator[Journal]:
    """Count the requests to the simulator from now on, when work of earlier tests makes no more."""
    await eventually(lambda: is_quiet(system), within=30)
    async with httpx.AsyncClient(base_url=system.simulator_url, timeout=SECONDS) as client:
        yield await journal_of(client)


@pytest.fixture
def url(system: System) -> str:
    """Return the address of the gateway."""
    return str(system.up.answer["gateway_url"])


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the gateway."""
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as client:
        yield client


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Open the machine's browser, for one module."""
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(chromium: Chrome, url: str) -> Chrome:
    """Open the console."""
    chromium.get("about:blank")
    chromium.get(f"{url}/")
    return chromium
