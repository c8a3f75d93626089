"""Earlier calls and their results, in forms that the chat templates of open models accept."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from providers.chat import STRUCTURED, Message, ToolCall

_RESULT: Final = re.compile(r"</(?=tool_result)")
_NO_NAME: Final = re.compile(r"[^\w.-]")


def write_all_calls(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the turns with all calls as text, for a model whose server takes no tools."""
    if not any(each.tool_calls or each.role == "tool" for each in messages):
        return tuple(messages)
    return _write(messages, in_text=True)


def write_broken_calls(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the turns with broken calls as text, since servers fail to render those."""
    if all(_is_sound(call) for message in messages for call in message.tool_calls):
        return tuple(messages)
    return _write(messages, in_text=False)


def _is_sound(call: ToolCall) -> bool:
    """Return whether a call has a name and an object of arguments."""
    if call.rejection is not None or not call.name:
        return False
    try:
        return isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        return False


def _write(messages: Iterable[Message], *, in_text: bool) -> tuple[Message, ...]:
    turns: list[Message] = []
    names: dict[str, str] = {}
    """Tools by the ids of calls that became text."""
    is_results = False
    for is_result, group in groupby(messages, key=lambda each: each.role == "tool"):
        if is_result:
            results = _write_results(list(group), names, in_text=in_text)
            turns += results
            is_results = results[-1].role == "user"
            continue
        for turn in group:
            if turn.tool_calls:
                kept = () if in_text else tuple(each for each in turn.tool_calls if _is_sound(each))
                written = [each for each in turn.tool_calls if each not in kept]
                names = {each.id: each.name for each in written}
                texts = [turn.content, *map(_write_call, written)]
                text = "\n".join(each for each in texts if each)
                turns.append(replace(turn, content=text, tool_calls=kept))
            elif is_results and turn.role == "user":  # the roles of some templates must alternate
                turns[-1] = _join([turns[-1], turn])
            else:
                turns.append(turn)
            is_results = False
    return tuple(turns)


def _write_call(call: ToolCall) -> str:
    if call.rejection is not None and call.form != STRUCTURED:
        return call.arguments
    return f"<tool_use>\ntool_name: {call.name}\narguments: {call.arguments}\n</tool_use>"


def _write_results(
    results: list[Message], names: dict[str, str], *, in_text: bool
) -> list[Message]:
    """Return the results of one turn: those of calls that became text are parts of the user's.

    If other results stay, they are parts of the last one, because many templates refuse a turn of
    the user between a result and an answer.
    """
    kept = [each for each in results if not in_text and each.tool_call_id not in names]
    written = [_write_result(each, names) for each in results if each not in kept]
    if not written:
        return kept
    if not kept:
        return [_join(written)]
    return [*kept[:-1], _join([kept[-1], *written])]


def _write_result(result: Message, names: dict[str, str]) -> Message:
    name = _NO_NAME.sub("_", names.get(result.tool_call_id or "") or "unknown")
    content = _RESULT.sub("< /", result.content)  # a result must not end itself
    text = f'<tool_result name="{name}">\n{content}\n</tool_result>'
    return Message(role="user", content=text, attachments=result.attachments)


def _join(turns: Sequence[Message]) -> Message:
    """Return several turns as one, as the first of them."""
    return replace(
        turns[0],
        content="\n\n".join(each.content for each in turns),
        attachments=tuple(file for each in turns for file in each.attachments),
    )
