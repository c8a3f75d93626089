"""Requests in Anthropic's format, checked as far as the vendor checks them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal

from pydantic import Field, JsonValue

from simulator.formats.base import StatusError, validate_body
from simulator.planned import is_reasoning_model
from simulator.request import (
    CompletionRequest,
    LenientModel,
    RequestedTool,
    SimulatedTurn,
    Vendor,
    WireMessage,
    describe_data,
    join_text,
    read_conversation,
)

_REFUSING_SAMPLING: Final = "2026-10-21"


class _Thinking(LenientModel):
    type: str
    display: Literal["summarized", "omitted"] | None = None


class _Tool(LenientModel):
    name: str
    type: str | None = None
    input_schema: JsonValue = None

    @property
    def is_search(self) -> bool:
        return (self.type or "").startswith("web_search_")


class _ToolChoice(LenientModel):
    type: Literal["auto", "any", "tool", "none"] = "auto"
    name: str = ""
    disable_parallel_tool_use: bool = False

    @property
    def choice(self) -> str:
        return {"any": "required", "tool": self.name}.get(self.type, self.type)


class _Format(LenientModel):
    json_schema: JsonValue = Field(default=None, alias="schema")


class _OutputConfig(LenientModel):
    format: _Format | None = None


class _Request(LenientModel):
    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[WireMessage] = Field(min_length=1)
    system: str | list[dict[str, JsonValue]] | None = None
    stream: bool = False
    thinking: _Thinking | None = None
    tools: tuple[_Tool, ...] = ()
    tool_choice: _ToolChoice = _ToolChoice()
    output_config: _OutputConfig | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


def parse_messages_request(body: bytes, version: str) -> CompletionRequest:
    """Parse a request to a version of the API; raise `StatusError` if it is invalid."""
    request = validate_body(_Request, body)
    _refuse_sampling(request, version)
    kind = request.thinking.type if request.thinking else None
    _check_results(request.messages)
    system = join_text(request.system)
    return CompletionRequest(
        vendor=Vendor.ANTHROPIC,
        model=request.model,
        conversation=read_conversation(map(_read_turn, request.messages), system),
        message_count=len(request.messages),
        max_tokens=request.max_tokens,
        stream=request.stream,
        wants_reasoning=is_reasoning_model(request.model) if kind is None else kind != "disabled",
        shows_reasoning=request.thinking is None or request.thinking.display != "omitted",
        wants_usage=True,
        is_cacheable=b'"cache_control"' in body,
        tools=tuple(
            RequestedTool(tool.name, tool.input_schema)
            for tool in request.tools
            if not tool.is_search
        ),
        tool_choice=request.tool_choice.choice,
        allows_parallel_calls=not request.tool_choice.disable_parallel_tool_use,
        searches_web=any(tool.is_search for tool in request.tools),
        files=tuple(_iter_files(_iter_blocks(request.messages))),
        schema=request.output_config.format.json_schema
        if request.output_config and request.output_config.format
        else None,
    )


def _refuse_sampling(request: _Request, version: str) -> None:
    if version < _REFUSING_SAMPLING:
        return
    for name in ("temperature", "top_p", "top_k"):
        if name in request.model_fields_set:
            raise StatusError(400, f"{name}: Extra inputs are not permitted")


def _iter_blocks(messages: Iterable[WireMessage]) -> Iterator[dict[str, JsonValue]]:
    """Yield all blocks, also those within results."""
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            yield block
            inner = block.get("content") if block.get("type") == "tool_result" else None
            yield from (
                each
                for each in (inner if isinstance(inner, list) else ())
                if isinstance(each, dict)
            )


def _read_turn(message: WireMessage) -> SimulatedTurn:
    blocks = message.content if isinstance(message.content, list) else []
    results = tuple(_read_result(each) for each in blocks if each.get("type") == "tool_result")
    if results:
        return SimulatedTurn(role="tool", text=message.text, results=results)
    has_calls = any(block.get("type") == "tool_use" for block in blocks)
    role: Literal["user", "assistant"] = "assistant" if message.role == "assistant" else "user"
    return SimulatedTurn(role=role, text=message.text, has_calls=has_calls)


def _read_result(block: Mapping[str, JsonValue]) -> str:
    content = block.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return join_text([part for part in parts if isinstance(part, dict)])


def _check_results(messages: Sequence[WireMessage]) -> None:
    """Raise `StatusError` unless the next message holds the results of all calls of a turn."""
    for message, after in pairwise([*messages, WireMessage(role="user")]):
        wanted = {
            str(each.get("id"))
            for each in _iter_blocks([message])
            if each.get("type") == "tool_use"
        }
        given = {str(each.get("tool_use_id")) for each in _iter_blocks([after])}
        if missing := sorted(wanted - given):
            raise StatusError(
                400,
                "tool_use ids were found without tool_result blocks immediately after: "
                + ", ".join(missing),
            )


def _iter_files(blocks: Iterable[Mapping[str, JsonValue]]) -> Iterator[str]:
    """Describe the images and documents; raise `StatusError` for one that cannot be read."""
    for block in blocks:
        source = block.get("source")
        if block.get("type") not in {"image", "document"} or not isinstance(source, dict):
            continue
        if source.get("type") == "url":
            yield str(source.get("url"))
            continue
        try:
            yield describe_data(str(source.get("media_type")), str(source.get("data")))
        except ValueError as error:
            raise StatusError(400, f"Could not process image: {error}") from error
