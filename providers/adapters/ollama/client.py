"""Adapter for Ollama by its own API, which knows contexts, templates and what it cannot do."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Final, Self

import httpx2
from pydantic import SecretStr

from providers.adapters.base import Timeouts, strip_endpoint
from providers.adapters.http.client import VendorClient
from providers.adapters.http.stream import stream_events
from providers.adapters.listings import ListedModel, get_row_id, read_rows
from providers.adapters.ollama.errors import (
    Refiner,
    read_prompt_tokens,
    refuses_level,
    refuses_thinking,
)
from providers.adapters.ollama.request import (
    NOTE_NO_THINKING,
    USUAL_ANSWER,
    OllamaFacts,
    build_ollama_body,
    choose_context,
    estimate_prompt,
    read_calls_in_text,
    read_facts,
    read_loaded_context,
)
from providers.adapters.ollama.stream import OllamaStreamParser
from providers.adapters.open_models import OpenModelCalls
from providers.chat import ChatRequest, Event
from providers.errors import CallFailed, ConnectionFailed, ContextTooLong

LISTING: Final = timedelta(seconds=20)
LOOKUP: Final = timedelta(seconds=5)
"""For what Ollama tells of a model; without it, a call is made all the same."""
_LONGEST_LOOKUP: Final = 16 * 1024 * 1024
_MOST_ATTEMPTS: Final = 4


class Ollama:
    """An `Adapter` for one server."""

    def __init__(self, *, vendor: str, base_url: str, key: SecretStr | None) -> None:
        self._vendor = vendor
        headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        self._client = VendorClient(
            vendor=vendor,
            base_url=find_server_url(base_url),
            key=key,
            headers=headers,
            refine=Refiner(vendor, key.get_secret_value() if key else ""),
        )
        self._open_models = OpenModelCalls(takes_tool_choice=False)
        self._facts: dict[str, OllamaFacts] = {}
        """By model, for the life of the adapter."""
        self._tells_loaded = True
        """Whether it says which models are loaded; Ollama's cloud does not."""

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        return self._open_models.stream(
            read_calls_in_text(request), lambda each: self._send(each, timeouts)
        )

    def _send(self, request: ChatRequest, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        if request.tools:
            # A call is only sent when it is whole, which takes a small machine minutes.
            stall = max(timeouts.stall, timeouts.first_token)
            timeouts = replace(timeouts, stall=stall)
        parser = OllamaStreamParser(
            self._vendor,
            model=request.model,
            secret=self._client.secret,
            keeps_reasoning=bool(request.tools),
        )
        return stream_events(
            self._vendor,
            self._open(request, parser, timeouts.connect),
            parser,
            timeouts=timeouts,
            is_streamed=request.stream,
            translate_errors=nullcontext(),  # the client translates them
            secret=self._client.secret,
            in_lines=True,
        )

    @asynccontextmanager
    async def _open(
        self, request: ChatRequest, parser: OllamaStreamParser, connect: timedelta
    ) -> AsyncIterator[httpx2.Response]:
        """Send a request, and again with what its refusal says, and yield the open response."""
        facts = await self._find_facts(request.model)
        body, notes = build_ollama_body(request, vendor=self._vendor, facts=facts)
        answer = request.max_output_tokens or USUAL_ANSWER
        parser.context = choose_context(
            estimate_prompt(request) + answer,
            loaded=await self._find_loaded_context(request.model),
            facts=facts,
        )
        async with AsyncExitStack() as stack:
            for attempt in range(1, _MOST_ATTEMPTS + 1):
                body["options"]["num_ctx"] = parser.context
                parser.notes = notes
                try:
                    response = await stack.enter_async_context(
                        self._client.stream("/api/chat", body, connect=connect)
                    )
                except CallFailed as error:
                    if attempt == _MOST_ATTEMPTS:
                        raise
                    if refuses_level(error) and isinstance(body.get("think"), str):
                        body["think"] = True
                        continue
                    if refuses_thinking(error) and body.pop("think", None) is not None:
                        notes = (*notes, NOTE_NO_THINKING)
                        self._facts[request.model] = replace(facts, thinks=False)
                        continue
                    larger = _choose_larger(error, parser.context, answer, facts)
                    if larger is None:
                        raise
                    parser.context = larger
                else:
                    yield response
                    return

    async def _find_facts(self, model: str) -> OllamaFacts:
        known = self._facts.get(model)
        if known is not None:
            return known
        try:
            shown = await self._client.post(
                "/api/show", {"model": model}, within=LOOKUP, longest=_LONGEST_LOOKUP
            )
        except ConnectionFailed:
            raise
        except CallFailed:
            return OllamaFacts()  # the call itself tells what is wrong
        return self._facts.setdefault(model, read_facts(shown))

    async def _find_loaded_context(self, model: str) -> int | None:
        if not self._tells_loaded:
            return None
        try:
            running = await self._client.get("/api/ps", {}, within=LOOKUP)
        except ConnectionFailed:
            raise
        except CallFailed as error:
            self._tells_loaded = error.status not in {401, 403, 404, 405}
            return None
        return read_loaded_context(running, model)

    async def list_models(self) -> list[ListedModel]:
        """Return the models that were pulled."""
        page = await self._client.get("/api/tags", {}, within=LISTING)
        return [
            ListedModel(id=get_row_id(row, "model", "name"))
            for row in read_rows(self._vendor, page)
        ]

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.__aexit__(*exc_info)


def find_server_url(url: str) -> str:
    """Return the URL of the server, from one that may name an API or an endpoint of it."""
    url = strip_endpoint(url).rstrip("/")
    for path in ("/api/chat", "/api", "/v1"):
        url = url.removesuffix(path)
    return url.rstrip("/")


def _choose_larger(error: CallFailed, context: int, answer: int, facts: OllamaFacts) -> int | None:
    """Return a larger context for a prompt that did not fit; None if there is none."""
    if not isinstance(error, ContextTooLong):
        return None
    tokens = read_prompt_tokens(error)
    needed = 2 * context if tokens is None else tokens + answer
    larger = choose_context(needed, loaded=None, facts=facts)
    return larger if larger > context else None
