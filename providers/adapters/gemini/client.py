"""Adapter for Google's Gemini, with separate thoughts, and signatures for tool loops."""

from collections.abc import AsyncGenerator
from contextlib import nullcontext
from datetime import timedelta
from typing import Final, Self

from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.gemini.errors import refine_error
from providers.adapters.gemini.request import VENDOR, build_gemini_body
from providers.adapters.gemini.stream import GeminiStreamParser
from providers.adapters.http.client import VendorClient
from providers.adapters.http.stream import stream_events
from providers.adapters.listings import ListedModel, fetch_listing, get_number, get_row_id
from providers.adapters.payload import get_text
from providers.chat import ChatRequest, Event

LISTING: Final = timedelta(seconds=20)
_GENERATE: Final = "generateContent"
_STREAM: Final = "streamGenerateContent?alt=sse"


class Gemini:
    """`Adapter` for the API of version v1beta, in which Google documents thinking."""

    def __init__(self, *, base_url: str, key: SecretStr | None) -> None:
        headers = {"x-goog-api-key": key.get_secret_value()} if key else {}
        self._client = VendorClient(
            vendor=VENDOR,
            base_url=normalize_base_url(base_url),
            key=key,
            headers=headers,
            refine=refine_error,
        )

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        body, notes = build_gemini_body(request)
        path = f"/models/{request.model}:{_STREAM if request.stream else _GENERATE}"
        return stream_events(
            VENDOR,
            self._client.stream(path, body, connect=timeouts.connect),
            GeminiStreamParser(
                model=request.model, secret=self._client.secret, keeps_parts=bool(request.tools)
            ),
            timeouts=timeouts,
            is_streamed=request.stream,
            translate_errors=nullcontext(),  # the client translates them
            secret=self._client.secret,
            notes=notes,
        )

    async def list_models(self) -> list[ListedModel]:
        """Return the models that generate content."""
        rows = await fetch_listing(
            VENDOR,
            lambda parameters: self._client.get(
                "/models", {"pageSize": "1000", **parameters}, within=LISTING
            ),
        )
        return [
            ListedModel(
                id=get_row_id(row, "name", "id").removeprefix("models/"),
                display_name=get_text(row, "displayName"),
                context_window=get_number(row, "inputTokenLimit"),
                max_output_tokens=get_number(row, "outputTokenLimit"),
            )
            for row in rows
            if _GENERATE in (row.get("supportedGenerationMethods") or (_GENERATE,))
        ]

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.__aexit__(*exc_info)


def normalize_base_url(url: str) -> str:
    """Return the base URL with its version, from one without it or of the compatible endpoint."""
    url = url.rstrip("/").removesuffix("/openai")
    return url if url.rsplit("/", 1)[-1].startswith("v1") else f"{url}/v1beta"
