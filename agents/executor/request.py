"""From a stamped subtask to the request that goes to its model."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from agents.workflows.plan import SYNTHESIZE
from agents.workflows.prompts import EXPERT, add_answers, add_context
from protocol.json_values import to_finite_float
from protocol.records import ClaimedSubtask, SessionMessage
from providers.chat import ChatRequest, Effort, Message
from providers.errors import InvalidRequest

CODE_TEMPERATURE = 0.2
CODE_TOP_P = 0.9
CODE_TYPES = frozenset({"GENERATE_CODE", "OPTIMIZE_CODE"})


def build_request(claimed: ClaimedSubtask, *, memory: Sequence[SessionMessage] = ()) -> ChatRequest:
    """Build the request. Of the params only `generation_prompt` is needed: any planner writes it.

    Raises InvalidRequest when it is missing, or when another one is none of the allowed values.
    """
    params = claimed.params
    prompt = _text(params, "generation_prompt")
    if prompt is None:
        raise InvalidRequest("cogo", "the subtask's params have no generation_prompt")
    prompt = add_context(
        prompt,
        file=_text(params, "target_file"),
        language=_text(params, "language"),
        framework=_text(params, "framework"),
        context=_text(params, "code_context"),
        tests=_text(params, "tests"),
    )
    is_synthesis = params.get(SYNTHESIZE) is True and bool(claimed.inputs)
    if is_synthesis:
        prompt = add_answers(prompt, _answers(claimed.inputs))
    is_code = claimed.type in CODE_TYPES
    asked = _conversation(params)
    if not asked or is_synthesis:
        asked = (*asked, Message(role="user", content=prompt))
    limit = to_finite_float(params.get("max_output_tokens"))
    return ChatRequest(
        model=claimed.lane,
        messages=(*(_turn(each.role, each.content) for each in memory), *asked),
        system=_text(params, "system") or (EXPERT if is_code else None),
        max_output_tokens=None if limit is None else int(limit),
        temperature=_number(params, "temperature", CODE_TEMPERATURE if is_code else None),
        top_p=_number(params, "top_p", CODE_TOP_P if is_code else None),
        stream=claimed.task.stream,
        stop=_stop(params.get("stop")),
        reasoning_effort=_effort(params),
    )


def _answers(inputs: Mapping[str, Any]) -> list[str]:
    """Give the texts in the order of their keys; who wrote them is not said."""
    outputs = [output for _, output in sorted(inputs.items()) if isinstance(output, dict)]
    return [text for output in outputs if (text := _text(output, "text")) is not None]


def _conversation(params: dict[str, Any]) -> tuple[Message, ...]:
    """Give the turns that a person wrote out; they stand for the prompt."""
    turns = params.get("messages")
    if not isinstance(turns, list):
        return ()
    return tuple(
        _turn(str(each.get("role")), str(each.get("content") or ""))
        for each in turns
        if isinstance(each, dict)
    )


def _turn(role: str, content: str) -> Message:
    return Message(role="assistant" if role == "assistant" else "user", content=content)


def _number(params: dict[str, Any], key: str, otherwise: float | None) -> float | None:
    number = to_finite_float(params.get(key))
    return otherwise if number is None else number


def _stop(value: object) -> tuple[str, ...]:
    stated = value if isinstance(value, list) else [value]
    return tuple(each for each in stated if isinstance(each, str) and each)


def _effort(params: dict[str, Any]) -> Effort | None:
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


def _text(params: dict[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value if isinstance(value, str) and value else None
