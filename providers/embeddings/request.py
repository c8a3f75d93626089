"""Requests for embeddings, with the interface that middleware uses for chat."""

import math
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar, Final

from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.http.client import VendorClient
from providers.adapters.http.error_mapping import PARSE_ERRORS
from providers.calls.masking import mask_keys
from providers.calls.prepare import USUAL_CHARACTERS_PER_TOKEN, PreparedCall
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import EmbeddingModel
from providers.chat import Attachment, Done, Event, FinishReason, TokenUsage
from providers.embeddings.records import Purpose, Text
from providers.embeddings.wires import EmbeddingFormat, ParsedVectors
from providers.errors import ContextTooLong, InvalidRequest, MalformedResponse
from providers.secrets import Redactor

MAX_VECTOR_BYTES: Final = 512 * 1024
"""Maximum bytes of a response for each text: 8,192 numbers of 64 characters."""
MAX_DURATION: Final = timedelta(seconds=60)
"""Maximum duration of one request, regardless of longer timeouts."""
ESTIMATED: Final = "the vendor counts no tokens of embeddings: they are estimated by length"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """The texts of one request; a `VendorRequest`."""

    model: str
    """The provider's own id."""
    texts: tuple[Text, ...]
    purpose: Purpose
    dimensions: int | None
    search_units: ClassVar[int] = 0

    @property
    def stream(self) -> bool:
        """Always False: vectors are not streamed."""
        return False

    @property
    def max_output_tokens(self) -> int:
        """Always 0: nothing is generated."""
        return 0

    @property
    def web_search(self) -> bool:
        """Always False: nothing is searched."""
        return False

    def iter_texts(self) -> Iterable[str]:
        """Iterate over the texts; a list of tokens as their numbers."""
        return (each if isinstance(each, str) else " ".join(map(str, each)) for each in self.texts)

    def iter_files(self) -> Iterable[Attachment]:
        """Iterate over no files."""
        return ()

    def to_audit_record(self) -> dict[str, Any]:
        """Return the texts."""
        return {"texts": list(self.texts)}


@dataclass(slots=True, kw_only=True)
class EmbeddingBatch:
    """One request and, after a successful call, its vectors."""

    request: EmbeddingRequest
    wire: EmbeddingFormat
    get_client: Callable[[SecretStr | None], VendorClient]
    redactor: Redactor
    parsed: ParsedVectors | None = None

    def prepare(self, deployment: Deployment) -> PreparedCall:
        """Mask keys in the texts; see `prepare_chat`."""
        request, found = self.request, 0
        if deployment.masks_keys:
            pairs = [
                mask_keys(text, self.redactor) if isinstance(text, str) else (text, 0)
                for text in request.texts
            ]
            found = sum(count for _, count in pairs)
            request = replace(request, texts=tuple(text for text, _ in pairs))
        return _PreparedBatch(deployment=deployment, request=request, masked_keys=found, batch=self)


@dataclass(kw_only=True)
class _PreparedBatch(PreparedCall):
    request: EmbeddingRequest
    batch: EmbeddingBatch
    _client: VendorClient = field(init=False)

    async def open(self, key: SecretStr | None) -> None:
        self._client = self.batch.get_client(key)

    async def stream(self, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        request, wire = self.request, self.batch.wire
        answer: Mapping[str, Any] = await self._client.post(
            wire.build_url(self.deployment.base_url, request.model),
            wire.build_body(
                request.model, request.texts, purpose=request.purpose, dimensions=request.dimensions
            ),
            within=min(timeouts.total, MAX_DURATION),
            longest=MAX_VECTOR_BYTES * len(request.texts),
        )
        try:
            parsed = wire.parse(answer)
            for vector in parsed.vectors:
                _check_numbers(vector)
        except PARSE_ERRORS as error:
            raise MalformedResponse(
                self.deployment.provider, "the vectors are not as documented"
            ) from error
        self.batch.parsed = parsed
        tokens = parsed.tokens
        notes: tuple[str, ...] = ()
        if tokens is None:  # or no budget would ever end
            tokens, notes = sum(map(estimate_text_tokens, request.texts)), (ESTIMATED,)
        yield TokenUsage(input=tokens)
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="", notes=notes)


def check_texts(wire: EmbeddingFormat, texts: Sequence[Text], entry: EmbeddingModel) -> None:
    """Refuse texts that the vendor would refuse with a worse message, or silently truncate.

    Raises:
        InvalidRequest: a text is empty, or a list of tokens, which the model does not take.
        ContextTooLong: a text is longer than the model accepts.
    """
    vendor, max_tokens = entry.provider, entry.max_input_tokens
    for place, text in enumerate(texts):
        if not (text.strip() if isinstance(text, str) else text):
            raise InvalidRequest(vendor, f"text {place} is empty: omit it")
        if not isinstance(text, str) and not entry.takes_tokens:
            raise InvalidRequest(vendor, f"{entry.name} takes texts, not lists of tokens")
        tokens = estimate_text_tokens(text)
        if wire.truncates_silently and max_tokens is not None and tokens > max_tokens:
            raise ContextTooLong(
                vendor, f"text {place} has about {tokens} tokens, more than {max_tokens}"
            )


def check_dimensions(entry: EmbeddingModel, asked: int | None) -> None:
    """Raise InvalidRequest if vectors of a model cannot have the dimensions that are asked for."""
    if asked is None or asked == entry.dimensions:
        return
    if not entry.shortens or (entry.dimensions is not None and asked > entry.dimensions):
        have = f"{entry.dimensions} dimensions" if entry.dimensions else "its own dimension"
        most = "at most " if entry.shortens and entry.dimensions else ""
        raise InvalidRequest(entry.provider, f"{entry.name} has {most}{have}, not {asked}")


def split_into_batches(wire: EmbeddingFormat, texts: Sequence[Text]) -> Iterator[Sequence[Text]]:
    """Yield the texts in order, in as few batches as the vendor's limits allow."""
    begin, tokens = 0, 0
    for place, text in enumerate(texts):
        size = estimate_text_tokens(text)
        too_many = place - begin >= wire.max_texts
        too_long = wire.max_tokens is not None and tokens + size > wire.max_tokens
        if place > begin and (too_many or too_long):
            yield texts[begin:place]
            begin, tokens = place, 0
        tokens += size
    if begin < len(texts):
        yield texts[begin:]


def estimate_text_tokens(text: Text) -> int:
    """Return about how many tokens a text has; exact for a list of tokens."""
    if not isinstance(text, str):
        return len(text)
    return len(text) // USUAL_CHARACTERS_PER_TOKEN + 1


def _check_numbers(vector: object) -> None:
    """Raise `ValueError` if it is not a list of numbers that a database can store."""
    if not isinstance(vector, list) or not set(map(type, vector)) <= {float, int}:
        raise ValueError("a vector contains values that are not numbers")
    if not all(map(math.isfinite, vector)):
        raise ValueError("a vector contains a number that is not finite")
