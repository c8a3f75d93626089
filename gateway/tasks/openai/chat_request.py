"""Requests for chat completions, and their conversion to tasks.

https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.tasks.openai.content import (
    ContentPart,
    read_content,
    refuse_parameter,
    refuse_parameters,
)
from gateway.tasks.openai.tools import (
    MAX_TOOLS,
    FunctionSpec,
    OwnTools,
    ToolSettings,
    check_request_schema,
    list_own_tools,
    read_allowed,
    read_choice,
    refuse_tool,
)
from gateway.tasks.openai.turns import (
    MAX_CALL_ID,
    MAX_TURNS,
    Turn,
    build_call,
    build_openai_task,
    build_turn,
    check_turns,
)
from protocol.records import NewTask
from protocol.tool_names import WEB_SEARCH

AUTO: Final = "auto"
IGNORED: Final = (
    "metadata",
    "prediction",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "user",
    "verbosity",
)
"""Parameters that are ignored; a header of the response names those that were sent."""
REFUSED: Final = {
    "audio": "answers are text; leave it out",
    "frequency_penalty": "not all models have it; use temperature or top_p",
    "function_call": "use tool_choice",
    "functions": "use tools",
    "logit_bias": "tokens differ between models; say in the instructions what to avoid",
    "logprobs": "leave it out",
    "min_p": "use top_p",
    "modalities": "answers are text; leave it out",
    "presence_penalty": "not all models have it; use temperature or top_p",
    "repetition_penalty": "use temperature or top_p",
    "top_k": "use top_p",
    "top_logprobs": "leave it out",
}
"""Parameters that are refused, with what to do instead."""
_DEFAULTS: Final[tuple[object, ...]] = ([], ["text"], {}, 0, False, None)
_INSTRUCTIONS: Final = frozenset({"system", "developer"})
NAMES_IN_CHAT: Final = {
    "client_tools": "tools",
    "max_output_tokens": "max_completion_tokens",
    "response_schema": "response_format",
    "system": "messages",
    "tools": "cogo_tools",
}
"""Names of the params of tasks in requests for chat completions, where they differ."""


class CalledFunction(BaseModel):
    """The function of a call."""

    name: str = Field(min_length=1, max_length=200)
    arguments: str = ""


class ChatToolCall(BaseModel):
    """A call in a turn of the model."""

    id: str = Field(min_length=1, max_length=MAX_CALL_ID)
    type: str = "function"
    function: CalledFunction


class ChatMessage(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[ChatToolCall] | None = Field(None, max_length=1_000)
    tool_call_id: str | None = Field(None, min_length=1, max_length=MAX_CALL_ID)


class ChatTool(BaseModel):
    """A tool that the caller offers; only functions are accepted."""

    type: str
    function: FunctionSpec | None = None


class JsonSchemaFormat(BaseModel):
    """The schema of a structured answer."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = ""
    json_schema: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class StreamOptions(BaseModel):
    """Options of a stream."""

    include_usage: bool | None = False


class ChatCompletionRequest(BaseModel):
    """The supported part of OpenAI's request. Other known keys are refused or ignored by name."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"model": "auto", "messages": [{"role": "user", "content": "Say hello"}]}]
        },
    )

    model: str = Field(max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_TURNS)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=10_000_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=10_000_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: str | list[str] | None = None
    n: int | None = Field(None, ge=1, le=128)
    reasoning_effort: str | None = Field(None, max_length=20)
    tools: list[ChatTool] | None = Field(None, max_length=MAX_TOOLS)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    web_search_options: dict[str, Any] | None = None
    cogo_tools: OwnTools = Field(None, max_length=MAX_TOOLS)
    """Tools of ours that the model may call, such as `cogo:run_code` or `mcp:SERVER`."""

    @field_validator("stop")
    @classmethod
    def _check_stop(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > 16:
            raise ValueError("at most 16 stop sequences")
        return value

    @property
    def ignored(self) -> list[str]:
        """Names of the sent parameters that have no effect."""
        sent = self.model_extra or {}
        return [name for name in IGNORED if sent.get(name) not in (None, 0, {})]


def build_chat_task(
    body: ChatCompletionRequest, *, model: str | None, own_tools: str | None = None
) -> NewTask:
    """Build the task; `own_tools` are named in a header. Raise Problem (400).

    The message names the parameter and says what to use instead.
    """
    refuse_parameters(body, REFUSED, known=IGNORED, defaults=_DEFAULTS)
    if body.n not in (None, 1):
        raise refuse_parameter(
            "n", "a request gets one answer: n must be 1", hint="send the request n times"
        )
    system, turns = _read_messages(body)
    settings = {
        "max_output_tokens": body.max_completion_tokens or body.max_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "stop": [body.stop] if isinstance(body.stop, str) else body.stop,
        "reasoning_effort": body.reasoning_effort,
        "response_schema": _read_schema(body.response_format),
    }
    params = {
        "system": system or None,
        **settings,
        **_read_tools(body, own_tools).to_params(),
    }
    return build_openai_task(turns, params, NAMES_IN_CHAT, model=model, stream=bool(body.stream))


def list_turn_places(body: ChatCompletionRequest) -> list[str]:
    """Return the place of each turn among the messages: instructions are no turns."""
    return [
        f"messages.{number}"
        for number, message in enumerate(body.messages)
        if message.role not in _INSTRUCTIONS
    ]


def _read_messages(body: ChatCompletionRequest) -> tuple[str, list[Turn]]:
    """Return the instructions and the turns."""
    instructions: list[str] = []
    turns: list[tuple[str, Turn]] = []
    for number, message in enumerate(body.messages):
        place = f"messages.{number}"
        if message.role in _INSTRUCTIONS:
            instructions.append(read_content(message.content, place, with_files=False).text)
        else:
            turns.append((place, _read_turn(message, place)))
    if not turns:
        raise refuse_parameter(
            "messages", "the conversation has no message from a user", code="invalid_request"
        )
    check_turns(turns)
    return "\n\n".join(instructions), [turn for _, turn in turns]


def _read_turn(message: ChatMessage, place: str) -> Turn:
    sent = message.model_extra or {}
    if message.role == "function" or sent.get("function_call"):
        raise refuse_parameter(
            place, "function_call and the role function are not supported", hint="use tool_calls"
        )
    content = read_content(message.content, place, with_files=message.role != "assistant")
    turn = build_turn(message.role, content)
    if message.role == "tool":
        if message.tool_call_id is None:
            raise refuse_parameter(
                place, "a message of a tool needs tool_call_id", code="invalid_request"
            )
        turn["tool_call_id"] = message.tool_call_id
    elif message.tool_calls:
        if message.role != "assistant":
            raise refuse_parameter(
                place, "only messages of the assistant have tool_calls", code="invalid_request"
            )
        turn["tool_calls"] = [
            build_call(each.id, each.function.name, each.function.arguments)
            for each in message.tool_calls
        ]
    return turn


def _read_tools(body: ChatCompletionRequest, own_tools: str | None) -> ToolSettings:
    settings = ToolSettings(
        is_parallel=body.parallel_tool_calls, own=list_own_tools(body.cogo_tools, own_tools)
    )
    for number, tool in enumerate(body.tools or ()):
        place = f"tools.{number}"
        if tool.type != "function":
            raise refuse_tool(tool.type, place)
        if tool.function is None:
            raise refuse_parameter(
                f"{place}.function", "the tool has no function", code="invalid_request"
            )
        settings.add_function(tool.function, place, schema=f"{place}.function.parameters")
    if body.web_search_options is not None:
        settings.own.append(WEB_SEARCH)
    if (allowed := read_allowed(body.tool_choice)) is not None:
        settings.allow_only(*allowed)
    else:
        settings.choice = read_choice(body.tool_choice)
    return settings


def _read_schema(wanted: ResponseFormat | None) -> dict[str, Any] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {"type": "object"}
    place = "response_format.json_schema.schema"
    stated = wanted.json_schema.json_schema if wanted.json_schema else None
    if stated is None:
        raise refuse_parameter(place, "the schema is missing", code="invalid_request")
    check_request_schema(stated, place, "the schema")
    return stated
