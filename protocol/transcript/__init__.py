"""The text and the tool calls of a running task, from live messages and rows. Pure: no I/O.

Deltas arrive immediately and may be lost, repeated or reordered. Checkpoints arrive late and are
complete up to some point; outputs and stored turns are final. All count characters (code points)
from the beginning of a turn, so they can be merged. A later attempt replaces the text of earlier
ones, but for turns in which a model calls tools: these are stored, and it goes on after them.

A task may have many steps: `Transcript` holds the text of each, `AnswerText` that of the answer,
and `PartReader` says who of them says what.

The gateway's streams and `cogo watch` both use these; `gateway/console/static/transcript.js`
is its counterpart in the browser, and `tests/support/transcripts.json` has cases for both.
"""

from protocol.transcript.answer import CHECKS, MODELS, WORKFLOW, AnswerText
from protocol.transcript.assembly import (
    LivePayload,
    Transcript,
    calls_tools,
    is_answer_step,
    read_live,
)
from protocol.transcript.parts import PartReader, PartUpdate
from protocol.transcript.reading import ReadPosition
from protocol.transcript.updates import (
    TEXT_KINDS,
    AsideKind,
    ChildBegan,
    TaskEnded,
    TaskUpdate,
    TextKind,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
    describe_call,
    describe_child,
)

__all__ = [
    "CHECKS",
    "MODELS",
    "TEXT_KINDS",
    "WORKFLOW",
    "AnswerText",
    "AsideKind",
    "ChildBegan",
    "LivePayload",
    "PartReader",
    "PartUpdate",
    "ReadPosition",
    "TaskEnded",
    "TaskUpdate",
    "TextKind",
    "ToolCallUpdate",
    "Transcript",
    "TranscriptAside",
    "TranscriptDelta",
    "TranscriptReset",
    "calls_tools",
    "describe_call",
    "describe_child",
    "is_answer_step",
    "read_live",
]
