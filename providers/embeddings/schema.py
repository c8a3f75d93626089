"""The shape of an embedding model's entry in the catalogue."""

from decimal import Decimal
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EmbeddingModel", "EmbeddingWire"]

EmbeddingWire: TypeAlias = Literal["openai", "cohere", "gemini", "ollama"]


class EmbeddingModel(BaseModel):
    """A model that turns texts into vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    maker: str
    provider: str
    model: str
    """The provider's own id."""
    aliases: tuple[str, ...] = ()
    dimensions: int | None = Field(default=None, gt=0)
    """Of a vector when nothing is asked for; absent where it depends on the server."""
    shortens: bool = False
    """Whether fewer dimensions may be asked for."""
    max_input_tokens: int | None = Field(default=None, gt=0)
    """Of one text."""
    usd_per_million: Decimal | None = Field(default=None, ge=0)
    price_source: str | None = None
