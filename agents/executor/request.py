"""The request to a model, built from a stamped subtask.

The prompt is in the subtask's params: workflows write it, with the texts of `workflows.prompts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import quote
from uuid import UUID

from agents.attachments import LoadedFiles
from agents.executor.legacy_plans import list_team_answers
from agents.executor.structured import describe_mistake, get_schema
from agents.memory.citing import render_recalled
from agents.workflows.params.step_params import CODE_TYPES, EXTRACT_CODE
from agents.workflows.prompts.code import EXPERT, add_context
from agents.workflows.prompts.talk import add_answers
from protocol.json_values import to_finite_float
from protocol.records import ClaimedSubtask
from protocol.tool_names import WEB_SEARCH
from providers.chat import Attachment, ChatRequest, Effort, Message, ToolCall
from providers.errors import InvalidRequest

CODE_TEMPERATURE = 0.2
CODE_TOP_P = 0.9
NO_FILES: Final = LoadedFiles()
NO_REPEATED: Final[Mapping[int, Sequence[Message]]] = {}
MAX_CONTINUED: Final = 20
"""Answers that are sent again with what led to them; a longer loop leaves out that of the first."""
_MAX_SEARCHED_ID: Final = 200
"""Characters of a call's id in a URL, which must hold those of all answers that are continued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuedAnswer:
    """A turn of params.messages that repeats the answer of an earlier task."""

    number: int
    task_id: UUID
    call_ids: tuple[str, ...]
    has_reasoning: bool
    """Whether there was reasoning, as far as whoever sends the turn knows."""


def list_continued(params: Mapping[str, Any]) -> list[ContinuedAnswer]:
    """Return the answers after the last turn of the user: earlier ones have led to an answer."""
    turns = params.get("messages")
    found: list[ContinuedAnswer] = []
    for number, turn in enumerate(turns if isinstance(turns, list) else ()):
        if not isinstance(turn, dict):
            continue
        if turn.get("role") == "user":
            found.clear()
        call_ids = tuple(each.id for each in _build_turn(turn).tool_calls)
        task_id = _parse_id(turn.get("answer_of"))
        if task_id is not None and call_ids and len(quote(call_ids[0])) <= _MAX_SEARCHED_ID:
            found.append(
                ContinuedAnswer(
                    number=number,
                    task_id=task_id,
                    call_ids=call_ids,
                    has_reasoning=turn.get("has_reasoning") is True,
                )
            )
    return found[-MAX_CONTINUED:]


def is_about_code(claimed: ClaimedSubtask) -> bool:
    """Return whether the answer is code; one that must follow a schema is data."""
    is_code = claimed.type in CODE_TYPES or claimed.params.get(EXTRACT_CODE) is True
    return is_code and get_schema(claimed) is None


def build_request(
    claimed: ClaimedSubtask,
    *,
    files: LoadedFiles = NO_FILES,
    repeated: Mapping[int, Sequence[Message]] = NO_REPEATED,
) -> ChatRequest:
    """Build the request, without the earlier turns of the session.

    `repeated` is what stands for turns in params.messages, by number: answers as they were stored,
    with what led to them.

    Raises InvalidRequest if params.generation_prompt is missing or another param is not valid.
    """
    params = claimed.params
    prompt = _get_text(params, "generation_prompt")
    if prompt is None:
        raise InvalidRequest("cogo", "the subtask's params have no generation_prompt")
    prompt = add_context(
        prompt,
        file=_get_text(params, "target_file"),
        language=_get_text(params, "language"),
        framework=_get_text(params, "framework"),
        context=_get_text(params, "code_context"),
        tests=_get_text(params, "tests"),
    )
    answers = list_team_answers(claimed)
    if answers:
        prompt = add_answers(prompt, answers)
    is_code = is_about_code(claimed)
    turns = _list_turns(params, files, repeated)
    if not turns or answers:
        turns = (*turns, Message(role="user", content=prompt))
    turns = _attach(turns, files.prompt)
    if (recalled := render_recalled(params)) is not None:
        turns = _put_before(turns, recalled)
    if (mistake := describe_mistake(claimed)) is not None:
        turns = _add_text(turns, mistake)
    limit = to_finite_float(params.get("max_output_tokens"))
    return ChatRequest(
        model=claimed.lane,
        messages=turns,
        system=_get_text(params, "system") or (EXPERT if is_code else None),
        response_schema=get_schema(claimed),
        max_output_tokens=None if limit is None else int(limit),
        temperature=_get_number(params, "temperature", CODE_TEMPERATURE if is_code else None),
        top_p=_get_number(params, "top_p", CODE_TOP_P if is_code else None),
        stream=claimed.task.stream,
        stop=_list_stops(params.get("stop")),
        reasoning_effort=_get_effort(params),
        web_search=WEB_SEARCH in (params.get("tools") or ()),
    )


def _list_turns(
    params: dict[str, Any], files: LoadedFiles, repeated: Mapping[int, Sequence[Message]]
) -> tuple[Message, ...]:
    """Return the turns of params.messages, which replace the prompt."""
    turns = params.get("messages")
    if not isinstance(turns, list):
        return ()
    found: list[Message] = []
    for number, each in enumerate(turns):
        if number in repeated:
            found += repeated[number]
        elif isinstance(each, dict):
            found.append(replace(_build_turn(each), attachments=files.get_turn(number)))
    return tuple(found)


def _attach(turns: tuple[Message, ...], files: tuple[Attachment, ...]) -> tuple[Message, ...]:
    """Add files to the last turn of the user."""
    if not files:
        return turns
    *_, last = (number for number, each in enumerate(turns) if each.role == "user")
    message = replace(turns[last], attachments=(*turns[last].attachments, *files))
    return (*turns[:last], message, *turns[last + 1 :])


def _put_before(turns: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """Put a text before the last turn of the user."""
    *_, last = (number for number, each in enumerate(turns) if each.role == "user")
    message = replace(turns[last], content=f"{text}\n\n{turns[last].content}")
    return (*turns[:last], message, *turns[last + 1 :])


def _build_message(role: str, content: str) -> Message:
    return Message(role="assistant" if role == "assistant" else "user", content=content)


def _build_turn(turn: dict[str, Any]) -> Message:
    """Return a turn; calls and results are those of the caller's tools."""
    content = str(turn.get("content") or "")
    call_id, calls = turn.get("tool_call_id"), turn.get("tool_calls")
    if isinstance(call_id, str):
        return Message(role="tool", content=content, tool_call_id=call_id)
    if not isinstance(calls, list) or not calls:
        return _build_message(str(turn.get("role")), content)
    return Message(
        role="assistant",
        content=content,
        tool_calls=tuple(
            ToolCall(
                id=str(each.get("id")),
                name=str(each.get("name")),
                arguments=str(each.get("arguments") or "{}"),
            )
            for each in calls
            if isinstance(each, dict)
        ),
    )


def _parse_id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _add_text(turns: Sequence[Message], text: str) -> tuple[Message, ...]:
    """Return the turns with a text at their end, without a second turn of the user in a row."""
    *earlier, last = turns
    if last.role != "user":
        return (*turns, Message(role="user", content=text))
    return (*earlier, replace(last, content=f"{last.content}\n\n{text}"))


def _get_number(params: dict[str, Any], key: str, default: float | None) -> float | None:
    number = to_finite_float(params.get(key))
    return default if number is None else number


def _list_stops(value: object) -> tuple[str, ...]:
    stated = value if isinstance(value, list) else [value]
    return tuple(each for each in stated if isinstance(each, str) and each)


def _get_effort(params: dict[str, Any]) -> Effort | None:
    value = params.get("reasoning_effort")
    efforts: tuple[Effort, ...] = get_args(Effort)
    if value is None:
        return None
    for effort in efforts:
        if effort == value:
            return effort
    raise InvalidRequest(
        "cogo", f"reasoning_effort is {str(value)[:100]!r}; it must be one of {', '.join(efforts)}"
    )


def _get_text(params: dict[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value if isinstance(value, str) and value else None
