"""How texts are divided among requests."""

from collections.abc import Iterator, Sequence

from providers.embeddings.wires import Wire
from providers.errors import ContextTooLong, InvalidRequest

__all__ = ["batches", "check"]

_CHARACTERS_PER_TOKEN = 4
"""About; for limits that the vendor counts exactly."""


def tokens_in(text: str) -> int:
    """About how many tokens a text has."""
    return len(text) // _CHARACTERS_PER_TOKEN + 1


def check(vendor: str, wire: Wire, texts: Sequence[str], *, longest: int | None) -> None:
    """Refuse what the vendor would refuse less clearly, or cut without a word.

    Raises:
        InvalidRequest: a text is empty.
        ContextTooLong: a text is longer than the model takes.
    """
    for place, text in enumerate(texts):
        if not text.strip():
            raise InvalidRequest(vendor, f"text {place} is empty: leave it out")
        if wire.cuts_silently and longest is not None and tokens_in(text) > longest:
            raise ContextTooLong(
                vendor, f"text {place} has about {tokens_in(text)} tokens, more than {longest}"
            )


def batches(wire: Wire, texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Texts in their order, as few requests as the vendor's limits allow."""
    begun, tokens = 0, 0
    for place, text in enumerate(texts):
        size = tokens_in(text)
        too_many = place - begun >= wire.most_texts
        too_long = wire.most_tokens is not None and tokens + size > wire.most_tokens
        if place > begun and (too_many or too_long):
            yield texts[begun:place]
            begun, tokens = place, 0
        tokens += size
    if begun < len(texts):
        yield texts[begun:]
