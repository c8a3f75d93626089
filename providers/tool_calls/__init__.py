"""Tool calls that models write as text, in the formats of all open-weight families.

`extract` parses a whole answer, `Extractor` one that streams, `ChunkParser` what servers send. Each
call is either valid or rejected with a reason; nothing is executed or guessed. The package stands
on its own.
"""

from collections.abc import Iterable

from providers.tool_calls.chunks import ChunkParser
from providers.tool_calls.extractor import Extractor
from providers.tool_calls.messages import (
    CallDone,
    CallRejected,
    Event,
    Intent,
    Message,
    ReasoningDelta,
    Reclassified,
    Rejected,
    TextDelta,
    ToolCall,
)
from providers.tool_calls.structured import CallChecker

__all__ = [
    "CallChecker",
    "CallDone",
    "CallRejected",
    "ChunkParser",
    "Event",
    "Extractor",
    "Intent",
    "Message",
    "ReasoningDelta",
    "Reclassified",
    "Rejected",
    "TextDelta",
    "ToolCall",
    "extract",
]


def extract(
    text: str,
    tools: Iterable[object],
    *,
    family: str = "auto",
    prefix: str = "",
    finish_reason: str | None = None,
) -> Message:
    """Return the content, the reasoning and the calls of an answer.

    Args:
        text: What the model wrote.
        tools: The offered tools, as OpenAI's tool objects or their functions alone.
        family: The model's family, such as llama or qwen: it decides which unmarked forms count.
        prefix: What the chat template wrote at the beginning of the answer, such as `<think>`.
        finish_reason: Why the model stopped; after `length` a call that is not closed is cut off.
    """
    extractor = Extractor(tools, family=family, prefix=prefix)
    extractor.feed(text)
    return extractor.finish(finish_reason)
