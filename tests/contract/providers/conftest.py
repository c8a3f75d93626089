"""Every adapter and dialect, through the real SDKs, against one simulator."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import TypeAlias

import httpx
import pytest
from pydantic import SecretStr

from providers.adapters.base import Adapter
from providers.adapters.registry import make_adapter
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Message
from simulator.formats.openai_compatible import MODELS as COMPATIBLE_MODELS
from simulator.formats.openai_compatible import api_path
from simulator.local.models import LOCAL_MODELS
from tests.support.servers.simulator import Journal, journal_of, simulator_process

CATALOGUE = Catalogue.load()
NATIVE_URLS = {
    "anthropic": "/anthropic",
    "fireworks": "/fireworks",
    "gemini": "/gemini/v1beta",
    "openai": "/openai/v1",
}
COMPATIBLE_URLS = {str(each): f"/{each}{api_path(each)}" for each in COMPATIBLE_MODELS}
LOCAL_URLS = {str(each): f"/{each}/v1" for each in LOCAL_MODELS}
BASE_URLS = {**NATIVE_URLS, **COMPATIBLE_URLS, **LOCAL_URLS}
MODELS = {
    "anthropic": "claude-sonnet-5-5",
    "fireworks": "accounts/fireworks/models/qwen3p8-max",
    "gemini": "gemini-3.8-flash",
    "openai": "gpt-6.1-sol",
    **{str(vendor): names[0] for vendor, names in COMPATIBLE_MODELS.items()},
    **{str(vendor): models[0].name for vendor, models in LOCAL_MODELS.items()},
}
NO_SERVERS = {
    each.id: Credential(base_url="http://127.0.0.1:9/v1")
    for each in CATALOGUE.providers.values()
    if each.ports
}
"""Keeps what listens on the usual ports of this machine out of a test."""

Opener: TypeAlias = Callable[[str], Adapter]


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """Run a simulator without delays, shared by all tests; yield its URL."""
    with simulator_process() as url:
        yield url


@pytest.fixture
async def journal(simulator: str) -> AsyncIterator[Journal]:
    """Yield the requests to the simulator from now on."""
    async with httpx.AsyncClient(base_url=simulator, timeout=10, trust_env=False) as client:
        yield await journal_of(client)


@pytest.fixture(params=[*sorted(NATIVE_URLS), "llamacpp", "ollama"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Return each adapter in turn; a test that concerns dialects adds more."""
    name: str = request.param
    return name


@pytest.fixture
async def adapter_with_key(simulator: str, vendor: str) -> AsyncIterator[Opener]:
    """Yield a function that opens adapters of the vendor; they are closed after the test."""
    async with AsyncExitStack() as stack:

        def open_with(key: str) -> Adapter:
            provider = CATALOGUE.providers[vendor]
            base_url = simulator + BASE_URLS[vendor]
            adapter = make_adapter(provider, base_url=base_url, key=SecretStr(key))
            stack.push_async_exit(adapter)
            return adapter

        yield open_with


@pytest.fixture
def adapter(adapter_with_key: Opener) -> Adapter:
    """Open an adapter of the vendor."""
    return adapter_with_key("a-key")


@pytest.fixture
def ask(vendor: str) -> Callable[..., ChatRequest]:
    """Return a function that builds requests for a model of the vendor."""

    def build(prompt: str = "Write a fibonacci function", **changes: object) -> ChatRequest:
        fields: dict[str, object] = {"model": MODELS[vendor]}
        fields |= {"messages": (Message(role="user", content=prompt),)} | changes
        return ChatRequest(**fields)  # type: ignore[arg-type]  # a builder's shorthand

    return build
