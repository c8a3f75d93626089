"""The turns of a conversation, as in `params.messages`, and what must hold between them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.tasks.openai.content import Content, refuse_parameter
from protocol.json_values import find_json_problem
from protocol.records import NewTask

Turn = dict[str, Any]

MAX_CALL_ID: Final = 10_000
"""Some vendors keep a signature of the reasoning in the id of a call."""
MAX_TURNS: Final = 2_000
_TITLE: Final = 500
_MAX_NAMED: Final = 3


def build_turn(role: str, content: Content) -> Turn:
    """Build a turn of a user or of the model."""
    turn: Turn = {"role": role, "content": content.text}
    return turn | ({"attachments": content.attachments} if content.attachments else {})


def build_call(call_id: str, name: str, arguments: str) -> dict[str, str]:
    """Build a tool call of a turn of the model."""
    return {"id": call_id, "name": name, "arguments": arguments}


def check_turns(turns: Iterable[tuple[str, Turn]]) -> None:
    """Check that each result belongs to a call of the turn before, and each call has its result.

    Each turn comes with its place in the request. Raise Problem (400).
    """
    asked: dict[str, str] = {}
    for place, turn in turns:
        if turn["role"] == "tool":
            if asked.pop(turn["tool_call_id"], None) is None:
                raise refuse_parameter(
                    place,
                    f"there is no open call {turn['tool_call_id'][:100]!r} before this result",
                    code="invalid_request",
                    hint="results follow the turn of the model whose calls they answer, once each",
                )
            continue
        _require_results(asked)
        for call in turn.get("tool_calls", ()):
            if call["id"] in asked:
                raise refuse_parameter(
                    place, f"two calls have the id {call['id'][:100]!r}", code="invalid_request"
                )
            asked[call["id"]] = place
    _require_results(asked)


def build_openai_task(
    turns: Sequence[Turn],
    params: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    model: str | None,
    stream: bool,
) -> NewTask:
    """Build the task of a conversation. Raise Problem (400) for what no task can have.

    `names` are those of its params in the request, where they differ.
    """
    if len(turns) > MAX_TURNS:
        raise refuse_parameter(
            names.get("messages", "messages"),
            f"the conversation has {len(turns)} turns; at most {MAX_TURNS} are possible",
            code="invalid_request",
            hint="leave out the oldest, or sum them up",
        )
    given = {"messages": list(turns)} | {
        name: value for name, value in params.items() if value is not None
    }
    check_json({names.get(name, name): value for name, value in given.items()})
    return NewTask(prompt=_find_title(turns), type="CHAT", params=given, model=model, stream=stream)


def check_json(values: Mapping[str, Any]) -> None:
    """Raise Problem (400) if one of the values, by parameter, cannot be stored as JSON."""
    for name, value in values.items():
        if problem := find_json_problem(value):
            raise refuse_parameter(name, f"{name} {problem}", code="invalid_request")


def _find_title(turns: Sequence[Turn]) -> str:
    """Return the beginning of the last text of the user, which is the prompt of the task."""
    texts = (each["content"] for each in reversed(turns) if each["role"] == "user")
    asked = next((text for text in texts if text.strip()), "")
    return asked[:_TITLE] or "Continue the conversation"


def _require_results(asked: dict[str, str]) -> None:
    if not asked:
        return
    named = ", ".join(repr(each[:100]) for each in list(asked)[:_MAX_NAMED])
    raise refuse_parameter(
        next(iter(asked.values())),
        f"the results of these tool calls are missing: {named}",
        code="invalid_request",
        hint="send the result of each call after the turn that made it",
    )
