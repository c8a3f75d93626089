"""Earlier turns of a conversation: how they are stored, and what a model reads of them. Pure."""

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import JsonValue

from protocol.records import SessionMessage, SessionSummary, StoredSessionMessage
from providers.chat import Message
from providers.chat_json import read_message, write_message

MAX_EXCHANGE_CHARACTERS: Final = 200_000
"""Characters of the results of all calls of a turn that its session keeps."""
_LEAST_RESULT: Final = 500
_NO_TEXT: Final = "(no text)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """What the user said and the answer. It is sent whole or not at all."""

    last: int
    """The `seq` of its last message."""
    question: str
    answer: str
    exchange: tuple[Message, ...] = ()
    """Calls of tools that led to the answer, each followed by its result."""

    def render(self, offered: Set[str] = frozenset()) -> tuple[Message, ...]:
        """Return the messages for a model to which the tools `offered` are offered.

        Vendors refuse calls of tools that a request does not offer, so the texts alone are sent
        unless all of its calls are of those.
        """
        called = {call.name for each in self.exchange for call in each.tool_calls}
        return (
            Message(role="user", content=self.question or _NO_TEXT),
            *(self.exchange if called <= offered else ()),
            Message(role="assistant", content=self.answer or _NO_TEXT),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastConversation:
    """The turns that were read, oldest first."""

    turns: tuple[PastTurn, ...] = ()
    summary: SessionSummary | None = None
    is_whole: bool = True
    """False if there are older turns that were not read."""


def build_turns(messages: Sequence[StoredSessionMessage]) -> list[PastTurn]:
    """Return the turns of messages in the order of `seq`.

    An answer whose question is not among them, as at the end of a page, is left out.
    """
    turns: list[PastTurn] = []
    asked: list[str] = []
    for each in messages:
        if each.role == "user":
            asked.append(each.content)
        elif asked:
            turns.append(
                PastTurn(
                    last=each.seq,
                    question="\n\n".join(asked),
                    answer=each.content,
                    exchange=_read_exchange(each.exchange),
                )
            )
            asked = []
        elif turns:
            turns[-1] = replace(
                turns[-1], last=each.seq, answer=f"{turns[-1].answer}\n\n{each.content}"
            )
    return turns


def build_answer_message(text: str, exchange: Sequence[Message]) -> SessionMessage:
    """Return the message of a session for an answer and the calls that led to it.

    An answer that only calls tools of the caller says so in words, as some readers see no more.
    """
    if not text.strip() and exchange and exchange[-1].tool_calls:
        names = ", ".join(dict.fromkeys(call.name for call in exchange[-1].tool_calls))
        text = f"(calls {names})"
    return SessionMessage(role="assistant", content=text, exchange=_write_exchange(exchange))


def list_given_exchange(params: Mapping[str, Any]) -> list[Message]:
    """Return the calls and results with which params.messages go on after the user's last turn."""
    turns = params.get("messages")
    found: list[Message] = []
    for each in turns if isinstance(turns, list) else ():
        if isinstance(each, dict) and each.get("role") == "user":
            found.clear()
        elif isinstance(each, dict) and ("tool_calls" in each or "tool_call_id" in each):
            role = "tool" if isinstance(each.get("tool_call_id"), str) else "assistant"
            with suppress(ValueError):
                found.append(read_message({"content": "", **_drop_nulls(each), "role": role}))
    return found


def _drop_nulls(turn: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in turn.items() if value is not None}


def _write_exchange(messages: Sequence[Message]) -> list[dict[str, JsonValue]] | None:
    """Return the calls and results as JSON, without reasoning and files; None without any."""
    results = sum(each.role == "tool" for each in messages)
    limit = max(_LEAST_RESULT, MAX_EXCHANGE_CHARACTERS // max(results, 1))
    return [
        write_message(replace(each, content=_cut(each.content, limit), attachments=(), replay=None))
        for each in messages
    ] or None


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut: this is the beginning of {len(text)} characters]"


def _read_exchange(stored: object) -> tuple[Message, ...]:
    """Return stored calls, each of which has its result; () if there is one without.

    Such a call was the caller's, who has not sent the result in the turn that follows.
    """
    found: list[Message] = []
    open_ids: set[str] = set()
    try:
        for each in stored if isinstance(stored, list) else ():
            message = read_message(each)
            if message.role == "tool":
                open_ids.remove(str(message.tool_call_id))
            elif open_ids:
                return ()
            open_ids |= {call.id for call in message.tool_calls}
            found.append(replace(message, replay=None))
    except (ValueError, KeyError):
        return ()
    return () if open_ids else tuple(found)
