"""The three adapters, through their vendors' SDKs, against one simulator."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import TypeAlias

import httpx
import pytest
from pydantic import SecretStr

from embedded.vendors import running_simulator
from providers.adapter import Adapter
from providers.catalogue import Catalogue
from providers.chat import ChatRequest, Message
from providers.factory import make_adapter

BASE_URLS = {"anthropic": "/anthropic", "fireworks": "/fireworks", "openai": "/openai/v1"}
MODELS = {
    "anthropic": "claude-sonnet-5-5",
    "fireworks": "accounts/fireworks/models/qwen3p8-max",
    "openai": "gpt-6.1-sol",
}

Opener: TypeAlias = Callable[[str], Adapter]


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """The URL of a fresh simulator that does not wait."""
    async with running_simulator(speed=0) as url:
        yield url


@pytest.fixture
async def journal(simulator: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the simulator's own paths."""
    async with httpx.AsyncClient(base_url=simulator, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture(params=sorted(BASE_URLS))
def vendor(request: pytest.FixtureRequest) -> str:
    """Each vendor in turn."""
    name: str = request.param
    return name


@pytest.fixture
async def adapter_with_key(simulator: str, vendor: str) -> AsyncIterator[Opener]:
    """Makes open adapters of the vendor with any key; they are closed after the test."""
    async with AsyncExitStack() as stack:

        def open_with(key: str) -> Adapter:
            provider = Catalogue.load().providers[vendor]
            base_url = simulator + BASE_URLS[vendor]
            adapter = make_adapter(provider, base_url=base_url, key=SecretStr(key))
            stack.push_async_exit(adapter)
            return adapter

        yield open_with


@pytest.fixture
def adapter(adapter_with_key: Opener) -> Adapter:
    """An open adapter of the vendor."""
    return adapter_with_key("a-key")


@pytest.fixture
def ask(vendor: str) -> Callable[..., ChatRequest]:
    """Builds requests for a model of the vendor."""

    def build(prompt: str = "Write a fibonacci function", **changes: object) -> ChatRequest:
        fields: dict[str, object] = {"model": MODELS[vendor]}
        fields |= {"messages": (Message(role="user", content=prompt),)} | changes
        return ChatRequest(**fields)  # type: ignore[arg-type]  # a builder's shorthand

    return build
