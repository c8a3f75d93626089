"""Google's Gemini on its own wire: thoughts apart from the text, and signatures for tool loops."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from providers.adapters.base import ListedModel, Timeouts
from providers.adapters.gemini.errors import refined
from providers.adapters.gemini.request import VENDOR, parameters
from providers.adapters.gemini.stream import ResponseReader
from providers.adapters.http.client import NativeClient
from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS, from_transport
from providers.adapters.http.stream import payloads
from providers.adapters.payload import text_in
from providers.catalogue.listing_rows import number_in, read_pages, row_id
from providers.chat import ChatRequest, Event, ReasoningDelta, TextDelta, ToolCallDelta
from providers.errors import CallFailed

__all__ = ["Gemini"]

LISTING: Final = timedelta(seconds=20)
_GENERATES: Final = "generateContent"
_STREAMED: Final = "streamGenerateContent?alt=sse"


class Gemini:
    """An `Adapter` for the API of version v1beta, in which Google documents thinking."""

    def __init__(self, *, base_url: str, key: SecretStr | None) -> None:
        headers = {"x-goog-api-key": key.get_secret_value()} if key else {}
        self._client = NativeClient(
            vendor=VENDOR, base_url=root(base_url), key=key, headers=headers, refine=refined
        )

    async def stream(
        self, request: ChatRequest, *, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        body, notes = parameters(request)
        reader = ResponseReader(
            model=request.model, secret=self._client.secret, keeps_parts=bool(request.tools)
        )
        opening = self._client.streamed(
            f"/models/{request.model}:{_GENERATES if request.whole else _STREAMED}",
            body,
            connect=timeouts.connect,
        )
        async with AsyncExitStack() as stack:
            deadlines = stack.enter_context(Deadlines(VENDOR, timeouts, whole=request.whole))
            response = await deadlines.wait(stack.enter_async_context(opening))
            try:
                async with aclosing(payloads(VENDOR, response, deadlines)) as items:
                    async for _, payload in items:
                        for event in reader.read(payload):
                            if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
                                deadlines.first_token()
                            yield event
            except TRANSPORT_ERRORS as error:
                if not reader.is_finished:
                    raise from_transport(
                        VENDOR, error, connect=timeouts.connect, secret=self._client.secret
                    ) from error
            except CallFailed:
                if not reader.is_finished:
                    raise
            for event in reader.close(notes=notes):
                yield event

    async def list_models(self) -> list[ListedModel]:
        """Those that generate content."""
        rows = await read_pages(
            VENDOR,
            lambda after: self._client.get(
                "/models", {"pageSize": "1000", **after}, within=LISTING
            ),
        )
        return [
            ListedModel(
                id=row_id(row, "name", "id").removeprefix("models/"),
                display_name=text_in(row, "displayName"),
                context_window=number_in(row, "inputTokenLimit"),
                max_output_tokens=number_in(row, "outputTokenLimit"),
            )
            for row in rows
            if _GENERATES in (row.get("supportedGenerationMethods") or (_GENERATES,))
        ]

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)


def root(url: str) -> str:
    """The base URL with its version, from one that may lack it or name the compatible endpoint."""
    url = url.rstrip("/").removesuffix("/openai")
    return url if url.rsplit("/", 1)[-1].startswith("v1") else f"{url}/v1beta"
