"""How one OpenAI-compatible provider differs from the others: data of its catalogue entry."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["WireProfile"]


class WireProfile(BaseModel):
    """The accents of one provider's requests. Those of its answers are understood anyway."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    asks_for_usage: bool = True
    """Send `stream_options.include_usage`; false where usage comes unasked or the field hurts."""
    effort_field: Literal["reasoning_effort", "reasoning"] = "reasoning_effort"
    """`reasoning` sends `{"reasoning": {"effort": ...}}` (OpenRouter)."""
    reasoning_body: Mapping[str, Any] = Field(default_factory=dict)
    """Sent beside an effort, to have the thinking shown."""
    key_header: str | None = None
    """The key goes into this header and not into `Authorization` (Portkey)."""
