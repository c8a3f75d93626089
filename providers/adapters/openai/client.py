"""OpenAI and everyone who speaks its chat completions, through OpenAI's own SDK."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

import httpx2
import openai
from pydantic import SecretStr

from providers.adapters.base import ListedModel, ListedPrices, Timeouts
from providers.adapters.http.body_limits import body_limits
from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.sdk_errors import SdkErrors
from providers.adapters.openai.dialect import Accented, accented
from providers.adapters.openai.extra_body import untyped
from providers.adapters.openai.reasoning_replay import replayable
from providers.adapters.openai.request import read_answer
from providers.adapters.openai.thinking_tags import without_thinking_tags
from providers.adapters.openai.wire_profile import WireProfile
from providers.catalogue.listing_rows import Row, day_in, number_in, read_rows, row_id
from providers.chat import ChatRequest, Event

__all__ = ["OpenAICompatible"]

LISTING_SECONDS: Final = 20.0

_ERRORS: Final = SdkErrors(
    status=openai.APIStatusError,
    timeout=openai.APITimeoutError,
    connection=openai.APIConnectionError,
    shape=openai.APIResponseValidationError,
    api=openai.APIError,
)


class OpenAICompatible:
    """An `Adapter` for one base URL."""

    def __init__(
        self,
        *,
        vendor: str,
        base_url: str,
        key: SecretStr | None,
        profile: WireProfile,
    ) -> None:
        self._vendor = vendor
        self._secret = key.get_secret_value() if key else ""
        self._profile = profile
        self._client = openai.AsyncOpenAI(
            api_key=self._secret or "none",  # local servers want any key that is not empty
            base_url=api_root(base_url),
            max_retries=0,
            # Who answers elsewhere would read the prompt, and a key in a header of its own.
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks=body_limits(httpx2.AsyncByteStream)
            ),
        )
        # The SDK fills these from ambient OPENAI_* variables, which belong to OpenAI's account
        # and would be sent to whoever answers at the base URL.
        self._client.organization = None
        self._client.project = None
        self._client.admin_api_key = None
        self._client._custom_headers = {}
        self._extra_headers: dict[str, Any] = dict(profile.headers)
        if profile.key_header is not None:
            self._extra_headers |= {
                profile.key_header: self._secret,
                "Authorization": openai.Omit(),
            }

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        events = self._answer(accented(request, self._profile, vendor=self._vendor), timeouts)
        if self._profile.thinking_tags:
            events = without_thinking_tags(events)
        if self._profile.replay_field is not None and request.tools:
            events = replayable(
                events, request, vendor=self._vendor, field=self._profile.replay_field
            )
        return events

    async def _answer(self, asked: Accented, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        long = untyped(asked.body)
        opening = self._client.chat.completions.with_streaming_response.create(
            **asked.body,
            messages=(),
            extra_body=long | asked.extra,
            extra_headers=self._extra_headers,
            timeout=openai.Timeout(None, connect=timeouts.connect.total_seconds()),
        )
        whole = not asked.body["stream"]
        with (
            Deadlines(self._vendor, timeouts, whole=whole) as deadlines,
            _ERRORS.translated(self._vendor, secret=self._secret, connect=timeouts.connect),
        ):
            async with aclosing(
                read_answer(
                    self._vendor, opening, deadlines, secret=self._secret, notes=asked.notes
                )
            ) as events:
                async for event in events:
                    yield event

    async def list_models(self) -> list[ListedModel]:
        """See `Adapter.list_models`."""
        wait = timedelta(seconds=LISTING_SECONDS)
        with _ERRORS.translated(self._vendor, secret=self._secret, connect=wait):
            page = await self._client.get(
                "/models",
                cast_to=object,
                options={"headers": self._extra_headers, "timeout": LISTING_SECONDS},
            )
        return [
            ListedModel(
                id=row_id(row, "id", "name"),
                context_window=number_in(
                    row, "context_length", "max_model_len", "max_context_length", "context_window"
                ),
                retires_on=day_in(row, "shutdown_date"),
                prices=_prices(row),
            )
            for row in read_rows(self._vendor, page)
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()


def api_root(url: str) -> str:
    """The base URL that the SDK wants, from one that may name the endpoint itself."""
    return url.rstrip("/").removesuffix("/chat/completions")


def _prices(row: Row) -> ListedPrices | None:
    """OpenRouter says dollars per token, as text; Together dollars per million, as numbers."""
    pricing = row.get("pricing")
    if not isinstance(pricing, dict):
        return None
    for names, factor in ((("prompt", "completion"), 1_000_000), (("input", "output"), 1)):
        values = [pricing.get(name) for name in names]
        try:
            each = [Decimal(str(value)) * factor for value in values if value is not None]
        except ArithmeticError:
            continue
        if len(each) == 2 and all(value.is_finite() and value >= 0 for value in each):
            return ListedPrices(input=each[0], output=each[1])
    return None
