"""Parts of calls through the router: credentials, requests, and recording middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from providers.calls.middleware import VendorCall
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Message
from providers.errors import NotAsked
from tests.contract.providers.conftest import NATIVE_URLS

ANTHROPIC_ANSWER = {
    "type": "message",
    "content": [{"type": "text", "text": "yes"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def credentials(simulator: str, *, simulated: bool = True) -> dict[str, Credential]:
    key = SecretStr("a-key")
    return {
        provider: Credential(key=key, base_url=simulator + path, simulated=simulated)
        for provider, path in NATIVE_URLS.items()
    }


def a_request(prompt: str = "Write a fibonacci function") -> ChatRequest:
    return ChatRequest(model="", messages=(Message(role="user", content=prompt),))


class RecordingMiddleware:
    """Lets calls pass, or refuses them, and records what it saw in a shared diary."""

    def __init__(self, name: str, diary: list[str], refusal: NotAsked | None = None) -> None:
        self.name = name
        self.diary = diary
        self.refusal = refusal
        self.calls: list[VendorCall] = []

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal
        self.diary.append(f"{self.name} in")
        assert not call.report.sent
        try:
            yield
        finally:
            self.diary.append(f"{self.name} out")
