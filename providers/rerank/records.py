"""Results of `Reranker.rerank`. This module imports no HTTP client, unlike `reranker`."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

MAX_DOCUMENTS: Final = 1_000
"""Documents of one call: they are stored as params of a step."""


class RankedDocument(NamedTuple):
    """The place of a document among those that were given, and how well it answers the query."""

    place: int
    score: float
    """Higher is better; only comparable within one ranking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Documents by their scores, best first."""

    documents: tuple[RankedDocument, ...]
    model: str
    """Canonical id, as in the catalogue."""
    provider: str
    tokens: int | None
    """As counted by the vendor, or estimated, see `notes`."""
    cost_usd: Decimal | None
    """None if the count or the price is unknown, which does not mean free."""
    simulated: bool
    """Whether the vendor simulator ranked them."""
    notes: tuple[str, ...] = ()
    """Changes to the texts before they were sent, and what was estimated."""
