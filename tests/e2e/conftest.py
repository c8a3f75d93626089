"""One running system for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from selenium.webdriver import Chrome

from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS
from tests.support.browser import open_browser
from tests.support.servers.system import System, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run an orchestrator and two executors; those that a test kills are started again."""
    with running_system(tmp_path_factory.mktemp("system"), "--executors", "2") as running:
        yield running


@pytest.fixture
async def store(system: System) -> AsyncIterator[SupabaseStore]:
    async with system.store() as opened:
        yield opened


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
