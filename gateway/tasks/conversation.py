"""Requests in OpenAI's format, and their conversion to tasks.

https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.problems import Problem
from protocol.records import NewTask

AUTO: Final = "auto"
_TITLE: Final = 500
_IGNORED: Final = (
    "frequency_penalty",
    "logit_bias",
    "presence_penalty",
    "seed",
    "service_tier",
    "verbosity",
)
"""Parameters that are ignored; a header of the response names those that were sent."""
_REFUSED: Final = (
    "audio",
    "functions",
    "logprobs",
    "modalities",
    "prediction",
    "response_format",
    "tools",
    "web_search_options",
)
_DEFAULTS: Final = ({"type": "text"}, ["text"])


class ContentPart(BaseModel):
    """A part of a message."""

    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(BaseModel):
    """Options of a stream."""

    include_usage: bool = False


class ChatCompletionRequest(BaseModel):
    """The supported part of OpenAI's request. Other known keys are refused or ignored by name."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"model": "auto", "messages": [{"role": "user", "content": "Say hello"}]}]
        },
    )

    model: str = Field(max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=2_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=10_000_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=10_000_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: str | list[str] | None = None
    n: int | None = Field(None, ge=1, le=128)
    reasoning_effort: str | None = Field(None, max_length=20)

    @field_validator("stop")
    @classmethod
    def _check_stop(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > 16:
            raise ValueError("at most 16 stop sequences")
        return value

    @property
    def ignored(self) -> list[str]:
        """Names of the sent parameters that have no effect."""
        sent = self.model_extra or {}
        return [name for name in _IGNORED if sent.get(name) not in (None, 0, {})]


def build_task(body: ChatCompletionRequest, *, model: str | None) -> NewTask:
    """Build the task. Raise Problem (400) for unsupported features: tools, images, formats."""
    sent = body.model_extra or {}
    for name in _REFUSED:
        value = sent.get(name)
        if value and value not in _DEFAULTS:
            raise _build_problem(name, f"{name} is not supported here; send the request without it")
    if body.n not in (None, 1):
        raise _build_problem("n", "only one answer is supported: n must be 1")
    turns = [(each.role, _read_text(each, number)) for number, each in enumerate(body.messages)]
    system = "\n\n".join(text for role, text in turns if role in {"system", "developer"})
    spoken = [(role, text) for role, text in turns if role in {"user", "assistant"}]
    if not spoken:
        raise _build_problem("messages", "the conversation has no message from a user")
    params: dict[str, Any] = {
        "messages": [{"role": role, "content": text} for role, text in spoken],
        "system": system or None,
        "max_output_tokens": body.max_completion_tokens or body.max_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "stop": [body.stop] if isinstance(body.stop, str) else body.stop,
        "reasoning_effort": body.reasoning_effort,
    }
    asked = next((text for role, text in reversed(spoken) if role == "user" and text.strip()), "")
    return NewTask(
        prompt=asked[:_TITLE] or "Continue the conversation",
        type="CHAT",
        params={key: value for key, value in params.items() if value is not None},
        model=model,
        stream=bool(body.stream),
    )


def _read_text(message: ChatMessage, number: int) -> str:
    field = f"messages.{number}"
    if message.role in {"tool", "function"} or (message.model_extra or {}).get("tool_calls"):
        raise _build_problem(field, "tool calls and their results are not supported here")
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    if strange := next((each.type for each in message.content if each.type != "text"), None):
        raise _build_problem(field, f"only text can be sent here, not {strange[:50]!r}")
    return "".join(each.text or "" for each in message.content)


def _build_problem(field: str, why: str) -> Problem:
    return Problem(400, "unsupported_parameter", why, extra={"param": field})
