"""Requests for embeddings, with the interface that middleware uses for chat."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from providers.calls.batches import TextlessBatch, TextlessRequest, VendorPost
from providers.calls.masking import mask_keys
from providers.calls.prepare import estimate_text_tokens
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import EmbeddingModel
from providers.chat import TokenUsage
from providers.embeddings.records import Purpose, Text
from providers.embeddings.wires import EmbeddingFormat, ParsedVectors
from providers.errors import ContextTooLong, InvalidRequest

MAX_VECTOR_BYTES: Final = 512 * 1024
"""Maximum bytes of a response for each text: 8,192 numbers of 64 characters."""
ESTIMATED: Final = "the vendor counts no tokens of embeddings: they are estimated by length"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest(TextlessRequest):
    """The texts of one request; a `VendorRequest`."""

    model: str
    """The provider's own id."""
    texts: tuple[Text, ...]
    purpose: Purpose
    dimensions: int | None
    search_units: ClassVar[int] = 0

    def iter_texts(self) -> Iterable[str]:
        """Iterate over the texts; a list of tokens as their numbers."""
        return (each if isinstance(each, str) else " ".join(map(str, each)) for each in self.texts)

    def to_audit_record(self) -> dict[str, Any]:
        """Return the texts."""
        return {"texts": list(self.texts)}


@dataclass(slots=True, kw_only=True)
class EmbeddingBatch(TextlessBatch[EmbeddingRequest]):
    """One request and, after a successful call, its vectors."""

    wire: EmbeddingFormat
    parsed: ParsedVectors | None = None
    what = "the vectors are"

    def mask_request(self) -> tuple[EmbeddingRequest, int]:
        """Return the request without keys in its texts, and how many there were."""
        pairs = [
            mask_keys(text, self.redactor) if isinstance(text, str) else (text, 0)
            for text in self.request.texts
        ]
        masked = replace(self.request, texts=tuple(text for text, _ in pairs))
        return masked, sum(count for _, count in pairs)

    def build_post(self, request: EmbeddingRequest, base_url: str) -> VendorPost:
        """Return what is sent."""
        return VendorPost(
            self.wire.build_url(base_url, request.model),
            self.wire.build_body(
                request.model, request.texts, purpose=request.purpose, dimensions=request.dimensions
            ),
            MAX_VECTOR_BYTES * len(request.texts),
        )

    def read(
        self, answer: Any, request: EmbeddingRequest, deployment: Deployment
    ) -> tuple[TokenUsage, tuple[str, ...]]:
        """Keep the vectors; return what was used, and notes. Raise one of `PARSE_ERRORS`."""
        del deployment
        parsed = self.wire.parse(answer)
        for vector in parsed.vectors:
            _check_numbers(vector)
        self.parsed = parsed
        if parsed.tokens is not None:
            return TokenUsage(input=parsed.tokens), ()
        # Without a count no budget would ever end.
        return TokenUsage(input=sum(map(count_text_tokens, request.texts))), (ESTIMATED,)


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
        tokens = count_text_tokens(text)
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
        size = count_text_tokens(text)
        too_many = place - begin >= wire.max_texts
        too_long = wire.max_tokens is not None and tokens + size > wire.max_tokens
        if place > begin and (too_many or too_long):
            yield texts[begin:place]
            begin, tokens = place, 0
        tokens += size
    if begin < len(texts):
        yield texts[begin:]


def count_text_tokens(text: Text) -> int:
    """Return about how many tokens a text has; exact for a list of tokens."""
    return estimate_text_tokens(text) if isinstance(text, str) else len(text)


def _check_numbers(vector: object) -> None:
    """Raise `ValueError` if it is not a list of numbers that a database can store."""
    if not isinstance(vector, list) or not set(map(type, vector)) <= {float, int}:
        raise ValueError("a vector contains values that are not numbers")
    if not all(map(math.isfinite, vector)):
        raise ValueError("a vector contains a number that is not finite")
