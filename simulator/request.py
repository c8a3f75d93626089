"""What a client asked for, whichever wire it came over."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue


class Vendor(StrEnum):
    """Whom the simulator can stand in for; also the first part of the path."""

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
class OfferedTool:
    """A function that the model may call."""

    name: str
    parameters: JsonValue
    """JSON Schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request for a completion."""

    vendor: Vendor
    model: str
    prompt: str
    """Text of the last message of the user: it decides the answer and carries fault markers."""
    context: str
    """Text of everything else that was sent: system prompt and other turns."""
    message_count: int
    max_tokens: int | None
    stream: bool
    wants_reasoning: bool
    shows_reasoning: bool
    """Whether the vendor lets the client read the reasoning, or only pay for it."""
    wants_usage: bool
    """Whether a stream ends with usage."""
    is_cacheable: bool
    """Whether the context counts as read from the prompt cache."""
    tools: tuple[OfferedTool, ...] = ()
    has_results: bool = False
    """Whether the last message is the result of a tool, so that the model need not call again."""
    schema: JsonValue = None
    """JSON Schema that the answer must follow; null for free text."""


class WireMessage(BaseModel):
    """One turn, in the part that both wire formats share."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: str
    content: str | list[dict[str, JsonValue]] | None = None

    @property
    def text(self) -> str:
        """The text of the turn; images and tool results are not read."""
        return text_of(self.content)


def text_of(content: str | Sequence[dict[str, JsonValue]] | None) -> str:
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
