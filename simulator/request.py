"""A completion request, independent of its wire format."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue


class Vendor(StrEnum):
    """Vendors that the simulator imitates; also the first segment of their paths."""

    ANTHROPIC = "anthropic"
    COHERE = "cohere"
    DEEPSEEK = "deepseek"
    FIREWORKS = "fireworks"
    GEMINI = "gemini"
    GROQ = "groq"
    HUGGINGFACE = "huggingface"
    LLAMACPP = "llamacpp"
    LMSTUDIO = "lmstudio"
    MISTRAL = "mistral"
    MLX = "mlx"
    OLLAMA = "ollama"
    OPENAI = "openai"
    OPENROUTER = "openrouter"
    PERPLEXITY = "perplexity"
    PORTKEY = "portkey"
    TOGETHER = "together"
    VLLM = "vllm"
    XAI = "xai"


@dataclass(frozen=True, slots=True)
class RequestedTool:
    """A function that the model may call."""

    name: str
    parameters: JsonValue
    """JSON Schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """One request for a completion."""

    vendor: Vendor
    model: str
    prompt: str
    """Text of the last user message: it determines the response and may contain faults."""
    context: str
    """Text of the system prompt and the other turns."""
    message_count: int
    max_tokens: int | None
    stream: bool
    wants_reasoning: bool
    shows_reasoning: bool
    """Whether the vendor returns the reasoning, or only charges for it."""
    wants_usage: bool
    """Whether a stream ends with usage."""
    is_cacheable: bool
    """Whether the context counts as read from the prompt cache."""
    tools: tuple[RequestedTool, ...] = ()
    has_tool_results: bool = False
    """Whether the last message is the result of a tool, so that no call is needed again."""
    schema: JsonValue = None
    """JSON Schema that the text must follow; None for free text."""


class LenientModel(BaseModel):
    """A part of a request body; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WireMessage(LenientModel):
    """One turn, in the fields that two wire formats share."""

    role: str
    content: str | list[dict[str, JsonValue]] | None = None

    @property
    def text(self) -> str:
        """The text of the turn, without images and tool results."""
        return join_text(self.content)


def join_text(content: str | Sequence[dict[str, JsonValue]] | None) -> str:
    """Return the text of a content field: a string, or a list of typed blocks."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (block.get("text") for block in content)
    return "\n".join(text for text in texts if isinstance(text, str))


def split_prompt(messages: Sequence[WireMessage], system: str = "") -> tuple[str, str]:
    """Split a conversation into the last message of the user and the text of all the rest."""
    last = max((i for i, turn in enumerate(messages) if turn.role == "user"), default=-1)
    prompt = messages[last].text if last >= 0 else ""
    rest = [system, *(turn.text for i, turn in enumerate(messages) if i != last)]
    return prompt, "\n".join(text for text in rest if text)
