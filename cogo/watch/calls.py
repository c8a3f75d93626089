"""Calls of tools, questions about them, and the stored turns of a task, as plain text."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cogo.terminal import shorten
from cogo.watch.format import shorten_id
from protocol.messages import write_content
from protocol.records import ApprovalRow, Subtask, TurnLine
from protocol.transcript import ToolCallUpdate

MAX_CALL: Final = 200
"""Characters of a call; and of what it gave."""
_MAX_REPEATED: Final = 60
"""Characters of a call in the line of its result."""
_MAX_READ: Final = 4 * MAX_CALL
"""Characters of a value that are looked at."""
_NAME: Final = re.compile(r"\w{1,50}")
_TURN_INDENT = " " * 11
_VERBS: Final = {"ok": "gave", "error": "error", "unknown": "unknown", "refused": "refused"}


def format_call(name: object, arguments: object, *, most: int = MAX_CALL) -> str:
    """Return a call as a function call, `find_order(customer="Ada")`, cut if it is long.

    arguments: an object, or its JSON; None if they are not known.
    """
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return _cut(f"{name}({arguments})", most)
    if not isinstance(arguments, Mapping):
        return _cut(f"{name}(...)", most)
    written, room = [], most
    for key, value in arguments.items():
        shown = key if isinstance(key, str) and _NAME.fullmatch(key) else _write(key)
        written.append(f"{shown}={_write(value)}")
        room -= len(written[-1])
        if room < 0:
            break  # nobody reads more
    return _cut(f"{name}({', '.join(written)})", most)


def format_call_update(call: ToolCallUpdate) -> str:
    """Return that a model calls a tool, or how the call has ended: a verb and a line."""
    if call.status == "called":
        return f"{'calls':<12} {format_call(call.tool, call.arguments)}, turn {call.turn}"
    has_run = call.duration_ms is not None and call.status != "refused" and not call.rejected
    took = "" if not has_run else f" in {(call.duration_ms or 0) / 1000:.1f} s"
    name = format_call(call.tool, call.arguments, most=_MAX_REPEATED)
    verb = "rejected" if call.rejected else _VERBS[call.status]
    return f"{verb:<12} {name}: {format_content(call.summary, call.size)}{took}"


def format_content(content: str | None, size: int | None = None) -> str:
    """Return the beginning of what a tool gave, and how long it is if it was cut."""
    text = content or ""
    length = max(size or 0, len(text))
    if not text.strip():
        return "nothing"
    shown = _cut(text, MAX_CALL)
    return f"{shown} ({length:,} characters)" if shown.endswith("...") else shown


def format_question(asked: ApprovalRow) -> str:
    """Return what a person is asked, with the arguments of the call that it is about."""
    show = asked.show
    if asked.is_text_question:
        choices = show.get("choices") if isinstance(show, Mapping) else None
        if not isinstance(choices, list):
            return asked.question
        return f"{asked.question} ({_cut(', '.join(map(str, choices)), MAX_CALL)})"
    if asked.call_id is None:
        return asked.question
    if isinstance(show, Mapping) and "tool" in show:
        return f"may it call {format_call(show['tool'], show.get('arguments'))}?"
    return f"{asked.question} {_cut(str(show), MAX_CALL)}"


def build_answer_command(asked: ApprovalRow) -> str:
    """Return the command that answers a question, in backquotes."""
    answer = " --answer TEXT" if asked.is_text_question else ""
    # A model may choose the end of the key.
    return f"`cogo approve {shorten_id(asked.task_id)} --key {shlex.quote(asked.key)}{answer}`"


def _write(value: object) -> str:
    if isinstance(value, str):
        value = value[:_MAX_READ]
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "..."


def _cut(text: str, most: int) -> str:
    return shorten(text[:_MAX_READ], most)


def list_turn_lines(step: Subtask, turns: Sequence[TurnLine]) -> Iterator[str]:
    """Yield the lines of one step: its stored turns, and the answer that ended them."""
    number, ended = 0, {each.call_id for each in turns if each.kind == "result"}
    for each in turns:
        match each.kind:
            case "answer":
                number += 1
                yield f"{step.key}, turn {number}"
                if (each.text or "").strip():
                    yield _write_turn("says", each.text or "")
                for call in _list_stored_calls(each):
                    yield _write_turn("calls", format_call(call.get("name"), call.get("arguments")))
            case "approval":
                verdict = "approved" if each.approved else "refused"
                comment = f": {each.comment}" if each.comment else ""
                yield _write_turn("a person", f"{verdict} {each.call_id}{comment}")
            case "begun" if each.call_id not in ended:
                yield _write_turn("began", f"{each.tool}; what it gave is not stored")
            case "result":
                verb = "gave" if each.status == "ok" else str(each.status)
                verb = "rejected" if each.rejected else verb
                took = f" in {each.seconds:.1f} s" if each.seconds else ""
                yield _write_turn(verb, f"{each.tool}{took}\n{write_content(each.content)}")
            case _:
                continue
    if number and step.output is not None:
        yield f"{step.key}, turn {number + 1}"
        yield _write_turn("says", str(step.output.get("text") or ""))


def _write_turn(verb: str, text: str) -> str:
    return f"  {verb:<9}" + text.strip("\n").replace("\n", f"\n{_TURN_INDENT}")


def _list_stored_calls(turn: TurnLine) -> list[Mapping[str, object]]:
    calls = turn.calls if isinstance(turn.calls, list) else []
    return [each for each in calls if isinstance(each, dict)]
