"""Requests for Ollama's /api/chat."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from providers.adapters.attachments import (
    build_text,
    encode_data,
    list_files,
    refuse_attachment,
)
from providers.adapters.payload import get_count, get_mapping, parse_object
from providers.chat import Attachment, ChatRequest, JsonObject, Message, NamedTool, TextCalls
from providers.schemas import complete_parameters, fits_grammar, move_schema_to_prompt

FIRST_STEP: Final = 8_192
"""The least context that is requested. Others are its multiples by two, since each other context
means that the model is loaded again."""
USUAL_ANSWER: Final = 4_096
"""Tokens that are kept for an answer without a limit."""
_BYTES_PER_TOKEN: Final = 3
"""Fewer than most texts have, so that most prompts fit."""
_TOKENS_OF_TURN: Final = 16
_TOKENS_OF_IMAGE: Final = 1_500
_NUM_CTX: Final = re.compile(r"^num_ctx\s+(\d{1,8})\s*$", re.MULTILINE)
_LEVELS: Final = {"minimal": "low", "low": "low", "medium": "medium"}
_TAKES_LEVELS: Final = "gpt-oss"
"""Occurs in the names of models that take a level of reasoning; others reason or do not."""

NOTE_NO_THINKING: Final = "reasoning_effort was not sent: the model does not reason"


@dataclass(frozen=True, slots=True)
class OllamaFacts:
    """What Ollama tells of a model; None where it does not say."""

    context: int | None = None
    """The most tokens of prompt and answer."""
    thinks: bool | None = None
    usual_context: int | None = None
    """What its Modelfile sets."""


def read_facts(shown: object) -> OllamaFacts:
    """Return the facts in an answer of /api/show, as far as it has them."""
    holder = shown if isinstance(shown, dict) else {}
    info = get_mapping(holder, "model_info")
    context = get_count(info, f"{info.get('general.architecture')}.context_length")
    abilities = holder.get("capabilities")
    thinks = "thinking" in abilities if isinstance(abilities, list) else None
    parameters = holder.get("parameters")
    usual = _NUM_CTX.search(parameters) if isinstance(parameters, str) else None
    return OllamaFacts(context or None, thinks, int(usual[1]) if usual else None)


def read_loaded_context(running: object, model: str) -> int | None:
    """Return the context with which a model is loaded, by an answer of /api/ps."""
    rows = running.get("models") if isinstance(running, dict) else None
    names = {model.casefold(), f"{model}:latest".casefold()}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            own = {str(row.get(field)).casefold() for field in ("name", "model")}
            if names & own:
                return get_count(row, "context_length")
    return None


def choose_context(needed: int, *, loaded: int | None, facts: OllamaFacts) -> int:
    """Return the context to request: that of the loaded model if it suffices, else a larger one.

    It is at most what the model takes, even if more is needed: Ollama then refuses the prompt.
    """
    most = facts.context
    for known in (loaded, facts.usual_context):
        if known is not None and (known >= needed or (most is not None and known >= most)):
            return known
    context = FIRST_STEP
    while context < needed:
        context *= 2
    return context if most is None else min(context, most)


def estimate_prompt(request: ChatRequest) -> int:
    """Return about how many tokens the prompt has, rather too many than too few."""
    size = sum(len(text.encode("utf-8", "replace")) for text in request.iter_texts())
    images = sum(1 for _ in request.iter_files())
    turns = len(request.messages) + len(request.tools) + 1
    return size // _BYTES_PER_TOKEN + images * _TOKENS_OF_IMAGE + turns * _TOKENS_OF_TURN


def build_ollama_body(
    request: ChatRequest, *, vendor: str, facts: OllamaFacts
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body but its context, and notes for the user."""
    notes: list[str] = []
    if "user" in request.metadata:
        notes.append("metadata.user was not sent")
    body: dict[str, Any] = {"model": request.model, "stream": request.stream}
    tools = _build_tools(request)
    if request.response_schema is not None:
        request, enforced = _place_schema(request, notes, has_tools=bool(tools))
        if enforced is not None:
            body["format"] = dict(enforced)
    body["messages"] = list(_iter_messages(request, vendor))
    if tools:
        body["tools"] = tools
    if request.parallel_tool_calls is False and tools:
        notes.append("parallel_tool_calls was not sent: unknown to this API")
    think = _choose_thinking(request, facts, notes)
    if think is not None:
        body["think"] = think
    # Otherwise Ollama drops what does not fit, and says nothing.
    body |= {"truncate": False, "shift": False, "options": _build_options(request)}
    return body, tuple(notes)


def _place_schema(
    request: ChatRequest, notes: list[str], *, has_tools: bool
) -> tuple[ChatRequest, JsonObject | None]:
    """Return the request with its schema in the instructions, and the schema to enforce."""
    schema = request.response_schema
    request = move_schema_to_prompt(request)
    if has_tools:
        notes.append("the schema was added to the instructions: enforced, it would forbid calls")
        return request, None
    if schema is None or not fits_grammar(schema):
        notes.append("the schema was added to the instructions: the server cannot enforce it")
        return request, None
    return request, schema


def _build_tools(request: ChatRequest) -> list[dict[str, Any]]:
    choice = request.tool_choice
    if choice == "none":
        return []
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": _simplify(complete_parameters(tool.parameters)),
            },
        }
        for tool in request.tools
        if not isinstance(choice, NamedTool) or tool.name == choice.name
    ]


def _simplify(parameters: JsonObject) -> dict[str, Any]:
    """Return parameters each of which is an object, since Ollama cannot read others (`true`)."""
    properties = parameters.get("properties")
    if not isinstance(properties, Mapping):
        return dict(parameters)
    known = {name: each if isinstance(each, Mapping) else {} for name, each in properties.items()}
    return {**parameters, "properties": known}


def _choose_thinking(
    request: ChatRequest, facts: OllamaFacts, notes: list[str]
) -> bool | str | None:
    effort = request.reasoning_effort
    if effort is None:
        return None
    if effort == "none":
        return False
    if facts.thinks is False:
        notes.append(NOTE_NO_THINKING)
        return None
    if _TAKES_LEVELS not in request.model:
        return True
    level = _LEVELS.get(effort, "high")
    if level != effort:
        notes.append(f"reasoning_effort {effort} was sent as {level}")
    return level


def _build_options(request: ChatRequest) -> dict[str, Any]:
    options = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "num_predict": request.max_output_tokens,
        "stop": list(request.stop) or None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _iter_messages(request: ChatRequest, vendor: str) -> Iterator[dict[str, Any]]:
    """Yield the turns; images of tool results follow all results of their turn, as a user's."""
    if request.system is not None:
        yield {"role": "system", "content": request.system}
    names = {call.id: call.name for turn in request.messages for call in turn.tool_calls}
    shown: list[tuple[str, list[str]]] = []
    for message in request.messages:
        if message.role != "tool" and shown:
            yield _show_images(shown)
            shown = []
        images = [_encode_image(each, vendor) for each in list_files(message)]
        if message.role == "tool":
            yield _build_result(message, names)
            if images:
                shown.append((message.tool_call_id or "", images))
        else:
            yield _build_turn(message, images, vendor=vendor, model=request.model)
    if shown:
        yield _show_images(shown)


def _build_turn(message: Message, images: list[str], *, vendor: str, model: str) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": build_text(message)}
    if images:
        turn["images"] = images
    if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
        for block in message.replay.blocks:
            turn |= block
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.id,
                "function": {"name": call.name, "arguments": parse_object(call.arguments)},
            }
            for call in message.tool_calls
        ]
    return turn


def _build_result(message: Message, names: dict[str, str]) -> dict[str, Any]:
    call_id = message.tool_call_id or ""
    return {
        "role": "tool",
        "content": build_text(message),
        "tool_name": names.get(call_id, call_id),
        "tool_call_id": call_id,
    }


def _show_images(shown: list[tuple[str, list[str]]]) -> dict[str, Any]:
    text = "\n".join(f"Files of the result of {call_id}." for call_id, _ in shown)
    return {"role": "user", "content": text, "images": [each for _, own in shown for each in own]}


def _encode_image(attachment: Attachment, vendor: str) -> str:
    if not attachment.is_image or attachment.data is None:
        raise refuse_attachment(vendor, attachment, takes="images by value and text")
    return encode_data(attachment)


def read_calls_in_text(request: ChatRequest) -> ChatRequest:
    """Return a request whose answer is searched for calls, as any model of Ollama may write them.

    One that must call a tool has them as text from the start: Ollama has no choice of tools, but
    enforces a schema.
    """
    calls = request.text_calls or TextCalls()
    if request.tools and request.tool_choice not in {"auto", "none"}:
        calls = replace(calls, tool_mode="text")
    return replace(request, text_calls=calls)
