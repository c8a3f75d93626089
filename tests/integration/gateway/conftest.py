"""The application in this process, on a project without agents."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.config.settings import Settings
from cogo.wiring.gateway import open_services
from embedded.state import State
from gateway.app import OpenServices, create_app
from gateway.dependencies import GatewayServices
from gateway.metrics import GatewayMetrics
from gateway.middleware import EdgeMiddleware
from gateway.options import GatewayOptions
from protocol.transport.supabase_store import SupabaseStore, open_store

OpenEdge = Callable[..., AbstractAsyncContextManager[EdgeMiddleware]]
OpenGateway = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
async def store(project: State) -> AsyncIterator[SupabaseStore]:
    async with open_store(project.url, project.secret_key) as opened:
        yield opened


@pytest.fixture
def opened_edge(project: State, tmp_path: Path) -> OpenEdge:
    """Return a function that opens a gateway with options, as an application."""

    @asynccontextmanager
    async def open_(**changes: object) -> AsyncIterator[EdgeMiddleware]:
        options = GatewayOptions(**({"is_loopback": True, "is_keyless": True} | changes))  # type: ignore[arg-type]
        metrics = GatewayMetrics()
        edge = create_app(_opening(project, tmp_path, options, metrics), options, metrics)
        async with edge.lifespan():
            yield edge

    return open_


@pytest.fixture
def opened(opened_edge: OpenEdge) -> OpenGateway:
    """Return a function that opens a gateway with options, as a client."""

    @asynccontextmanager
    async def open_(**changes: object) -> AsyncIterator[httpx.AsyncClient]:
        base_url = "http://127.0.0.1:8000"
        async with (
            opened_edge(**changes) as edge,
            httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url=base_url) as client,
        ):
            yield client

    return open_


@pytest.fixture
async def services(project: State, tmp_path: Path) -> AsyncIterator[GatewayServices]:
    """Yield the services of a gateway's routes."""
    options = GatewayOptions(is_loopback=True, is_keyless=True)
    async with _opening(project, tmp_path, options, GatewayMetrics())() as found:
        yield found


def _opening(
    project: State, home: Path, options: GatewayOptions, metrics: GatewayMetrics
) -> OpenServices:
    connection = Connection(
        url=project.url,
        secret_key=SecretStr(project.secret_key),
        publishable_key=project.publishable_key,
        is_embedded=True,
    )
    here = Project(settings=Settings.load(home), home=home, directory=home)
    return partial(open_services, here, connection, options, metrics)
