"""Results of `Embedder.embed`. This module imports no HTTP client, unlike `embedder`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

Purpose: TypeAlias = Literal["document", "query"]
"""Some models place the vector of a query near those of documents that answer it."""
Text: TypeAlias = str | Sequence[int]
"""A text, or its tokens, whose numbers only models of the same vendor read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """One vector, only comparable with those of the same model and dimensions."""

    model: str
    """Canonical id, as in the catalogue: store it with the vector."""
    dimensions: int
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The vectors of some texts, in the order of the texts."""

    embeddings: tuple[Embedding, ...]
    provider: str
    tokens: int | None
    """As counted by the vendor; None if it does not report any."""
    cost_usd: Decimal | None
    """None if the count or the price is unknown, which does not mean free."""
    simulated: bool
    """Whether the vendor simulator made the vectors."""
    notes: tuple[str, ...] = ()
    """Changes to the texts before they were sent."""
