"""How one OpenAI-compatible provider differs from the others: data of its catalogue entry."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from providers.chat import Effort

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
    no_reasoning_body: Mapping[str, Any] | None = None
    """Sent in place of the effort `none` (DeepSeek switches thinking by an object of its own)."""
    efforts: tuple[Effort, ...] | None = None
    """The only efforts that are taken; another one becomes the nearest of them, with a note."""
    schemas: Literal["json_schema", "json_object"] = "json_schema"
    """`json_object`: the vendor only promises JSON, so the schema goes into the instructions."""
    thinking_tags: bool = False
    """Thinking may come as text up to `</think>`, with or without the tag that opens it."""
    call_id_length: int | None = None
    """Ids of tool calls must be letters and digits of just this length (Mistral)."""
    replay_field: str | None = None
    """The field of an assistant's message in which its thinking goes back in a tool loop."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """Sent with every request; not for secrets."""
    key_header: str | None = None
    """The key goes into this header and not into `Authorization` (Portkey)."""
