"""Requests for responses, and their conversion to tasks.

https://platform.openai.com/docs/api-reference/responses/create
"""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from gateway.tasks.openai.chat_request import AUTO
from gateway.tasks.openai.content import refuse_parameter, refuse_parameters
from gateway.tasks.openai.responses.input import (
    InputItem,
    PlacedTurn,
    read_input,
    read_reasoning_item,
)
from gateway.tasks.openai.tools import (
    MAX_TOOLS,
    FunctionSpec,
    OwnTools,
    ToolSettings,
    check_request_schema,
    is_web_search,
    list_own_tools,
    read_allowed,
    read_choice,
    refuse_tool,
)
from gateway.tasks.openai.turns import build_openai_task, check_json, check_turns
from protocol.records import NewTask
from protocol.tool_names import WEB_SEARCH

ECHO: Final = "client_request"
"""The param with what a response repeats of its request; agents do not read it."""
ENCRYPTED: Final = "reasoning.encrypted_content"
NAMES_IN_RESPONSES: Final = {
    "client_tools": "tools",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_schema": "text.format",
    "system": "instructions",
    "tool_limits": "max_tool_calls",
    "tools": "cogo_tools",
}
"""Names of the params of tasks in requests for responses, where they differ."""

IGNORED: Final = (
    "access_programs",
    "context_management",
    "image",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "stream_options",
    "truncation",
    "user",
)
REFUSED: Final = {
    "conversation": "use previous_response_id",
    "frequency_penalty": "not all models have it; use temperature or top_p",
    "presence_penalty": "not all models have it; use temperature or top_p",
    "prompt": "send its text as instructions",
    "top_logprobs": "leave it out",
}
_MAX_FOREIGN: Final = 10
_INCLUDED: Final = (
    ENCRYPTED,
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "web_search_call.action.sources",
    "web_search_call.results",
)
"""What clients may ask for; of these only the first can be in a response."""
_REPEATED: Final = ("truncation", "user", "safety_identifier", "prompt_cache_key", "service_tier")


class TextFormat(BaseModel):
    """The form of the text."""

    model_config = ConfigDict(populate_by_name=True, extra="allow")

    type: str = "text"
    json_schema: dict[str, Any] | None = Field(None, alias="schema")


class TextSettings(BaseModel):
    """Settings of the text."""

    model_config = ConfigDict(extra="allow")

    format: TextFormat | None = None


class ReasoningSettings(BaseModel):
    """Settings of the reasoning."""

    model_config = ConfigDict(extra="allow")

    effort: str | None = Field(None, max_length=20)


class OfferedToolSpec(BaseModel):
    """A tool that the caller offers: a function, or the vendor's search."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(max_length=100)


class ResponseRequest(BaseModel):
    """The supported part of OpenAI's request. Other known keys are refused or ignored by name."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"model": "auto", "input": "Say hello"}]}
    )

    model: str = Field(AUTO, max_length=200)
    input: str | list[InputItem] = Field(max_length=2_000_000)
    instructions: str | None = None
    previous_response_id: str | None = Field(None, max_length=100)
    stream: bool | None = False
    background: bool | None = False
    store: bool | None = True
    metadata: dict[str, str] | None = Field(None, max_length=16)
    include: list[str] | None = Field(None, max_length=20)
    max_output_tokens: int | None = Field(None, ge=1, le=10_000_000)
    max_tool_calls: int | None = Field(None, ge=0, le=1_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    text: TextSettings | None = None
    reasoning: ReasoningSettings | None = None
    tools: list[OfferedToolSpec] | None = Field(None, max_length=MAX_TOOLS)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    cogo_tools: OwnTools = Field(None, max_length=MAX_TOOLS)
    """Tools of ours that the model may call, such as `cogo:run_code` or `mcp:SERVER`."""

    @property
    def ignored(self) -> list[str]:
        """Names of the sent parameters that have no effect, and reasoning that is not ours."""
        sent = self.model_extra or {}
        found = [name for name in IGNORED if sent.get(name) not in (None, {}, [], "disabled")]
        items = self.input if isinstance(self.input, list) else []
        foreign = [
            f"input.{number}"
            for number, each in enumerate(items)
            if each.type == "reasoning" and read_reasoning_item(each) is None
        ]
        return found + foreign[:_MAX_FOREIGN]


def build_response_task(
    body: ResponseRequest,
    *,
    model: str | None,
    earlier: Sequence[PlacedTurn] = (),
    own_tools: str | None = None,
) -> NewTask:
    """Build the task. Raise Problem (400).

    `earlier` are the turns of the previous response, `own_tools` tools named in a header.
    """
    refuse_parameters(body, REFUSED, known=IGNORED)
    _check_include(body.include)
    found = read_input(body.input)
    placed = [*earlier, *found.turns]
    if not placed:
        raise refuse_parameter("input", "there is no message", code="invalid_request")
    check_turns(placed)
    turns = [turn for _, turn in placed]
    texts = [body.instructions or "", *found.instructions]
    params = {
        "system": "\n\n".join(each for each in texts if each) or None,
        "max_output_tokens": body.max_output_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "reasoning_effort": body.reasoning.effort if body.reasoning else None,
        "response_schema": _read_schema(body.text.format if body.text else None),
        **_read_tools(body, own_tools).to_params(),
        "tool_limits": None if body.max_tool_calls is None else {"calls": body.max_tool_calls},
        ECHO: _build_echo(body),
    }
    return build_openai_task(
        turns, params, NAMES_IN_RESPONSES, model=model, stream=bool(body.stream)
    )


def _check_include(include: Sequence[str] | None) -> None:
    """Refuse (400) names of what no response has here, and unknown ones."""
    for number, name in enumerate(include or ()):
        if name not in _INCLUDED:
            raise refuse_parameter(
                f"include.{number}",
                f"{name[:100]!r} cannot be included",
                hint=f"what can: {', '.join(_INCLUDED)}",
            )


def _read_tools(body: ResponseRequest, own_tools: str | None) -> ToolSettings:
    settings = ToolSettings(
        is_parallel=body.parallel_tool_calls, own=list_own_tools(body.cogo_tools, own_tools)
    )
    for number, tool in enumerate(body.tools or ()):
        if is_web_search(tool.type):
            settings.own.append(WEB_SEARCH)
        elif tool.type == "function":
            place = f"tools.{number}"
            function = _read_function(tool, place)
            settings.add_function(function, place, schema=f"{place}.parameters")
        else:
            raise refuse_tool(tool.type, f"tools.{number}")
    if (allowed := read_allowed(body.tool_choice)) is not None:
        settings.allow_only(*allowed)
    elif isinstance(choice := body.tool_choice, dict) and is_web_search(str(choice.get("type"))):
        settings.choice = "required"
    else:
        settings.choice = read_choice(body.tool_choice)
    return settings


def _read_function(tool: OfferedToolSpec, place: str) -> FunctionSpec:
    try:
        return FunctionSpec.model_validate(tool.model_extra or {})
    except ValueError as error:
        raise refuse_parameter(
            place,
            "a function has a name of letters, digits, _ and -, at most 64 of them, and optionally "
            "description, parameters (a JSON Schema) and strict",
            code="invalid_request",
        ) from error


def _read_schema(wanted: TextFormat | None) -> dict[str, Any] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {"type": "object"}
    if wanted.type != "json_schema":
        raise refuse_parameter("text.format", "text.format is text, json_object or json_schema")
    place = "text.format.schema"
    if wanted.json_schema is None:
        raise refuse_parameter(place, "the schema is missing", code="invalid_request")
    check_request_schema(wanted.json_schema, place, "the schema")
    return wanted.json_schema


def _build_echo(body: ResponseRequest) -> dict[str, Any]:
    sent = body.model_extra or {}
    echo = {
        **{name: sent.get(name) for name in _REPEATED},
        "model": body.model,
        "instructions": body.instructions,
        "previous_response_id": body.previous_response_id,
        "metadata": body.metadata,
        "include": body.include,
        "reasoning": body.reasoning and body.reasoning.model_dump(exclude_none=True),
        "text": body.text and body.text.model_dump(by_alias=True, exclude_none=True),
        "tools": [each.model_dump() for each in body.tools or () if each.type != "function"],
        "tool_choice": body.tool_choice,
        "max_tool_calls": body.max_tool_calls,
        "background": body.background or None,
        "store": body.store,
    }
    found = {name: value for name, value in echo.items() if value not in (None, [], {})}
    check_json(found)
    return found
