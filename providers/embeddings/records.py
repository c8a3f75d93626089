"""What `embed` gives back. A vector is only worth keeping together with what made it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

__all__ = ["Embedded", "Embedding", "Purpose"]

Purpose: TypeAlias = Literal["document", "query"]
"""Some models place questions elsewhere than the texts that answer them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """One vector. Those of another model or another dimension are not comparable with it."""

    model: str
    """Canonical id, as in the catalogue: store it beside the vector."""
    dimensions: int
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The vectors of some texts, in the order of the texts."""

    embeddings: tuple[Embedding, ...]
    provider: str
    tokens: int | None
    """As the vendor counted them; `None` where it does not."""
    cost_usd: Decimal | None
    """`None` where the count or the price is unknown: that is not free."""
    simulated: bool
    """Whether the vendor simulator made the vectors."""
    notes: tuple[str, ...] = ()
    """What had to be changed before the texts were sent."""
