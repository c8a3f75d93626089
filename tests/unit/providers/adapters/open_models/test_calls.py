from collections.abc import AsyncGenerator
from typing import Any

import pytest

from providers.adapters.http.error_mapping import map_payload, map_status
from providers.adapters.open_models import OpenModelCalls
from providers.adapters.open_models.reading import NOTE_RESCUED
from providers.adapters.open_models.refusals import (
    NOTE_FOLDED,
    NOTE_REPEATED,
    NOTE_SCHEMA,
    NOTE_TAUGHT,
)
from providers.chat import (
    ChatRequest,
    Done,
    Event,
    FinishReason,
    Message,
    NamedTool,
    TextCalls,
    TextDelta,
    TokenUsage,
    Tool,
    ToolCall,
    ToolChoice,
)
from providers.chat_response import ChatResponse, collect_response
from providers.errors import CallFailed

PING = Tool(name="ping", description="", parameters={"type": "object"})
PONG = Tool(name="pong", description="", parameters={"type": "object"})
TAUGHT = "<tool_use>\ntool_name: ping\narguments: {}\n</tool_use>"
MARKED = '<tool_call>{"name": "ping", "arguments": {}}</tool_call>'
NO_TOOLS = [
    (
        400,
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ),
    (400, "registry.ollama.ai/library/gemma3:4b does not support tools"),
    (500, "tools param requires --jinja flag"),
    (500, "Unsupported param: tools"),
    (500, "tools param is not fully supported yet"),
    (422, "Function calling is not supported for this model"),
    (400, "This model doesn't support tool calling"),
    (
        500,
        "After the optional system message, conversation roles must alternate user and assistant "
        "roles except for tool calls and results. at row 189, column 164:\n {%- if",
    ),
    (400, "Only user and assistant roles are supported!"),
]


def failure(status: int, message: str) -> CallFailed:
    return map_status("v", status, {"error": {"message": message}}, {}, secret="")


def a_request(**changes: Any) -> ChatRequest:
    fields: dict[str, Any] = {
        "model": "m",
        "messages": (Message(role="user", content="hi"),),
        "system": "Be brief.",
        "tools": (PING, PONG),
        "text_calls": TextCalls(),
        **changes,
    }
    return ChatRequest(**fields)


class Server:
    """Gives one answer after the other: texts, or errors, after what comes before them."""

    def __init__(self, *answers: CallFailed | str | tuple[Event | CallFailed, ...]) -> None:
        self.requests: list[ChatRequest] = []
        self._answers = list(answers)

    async def __call__(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        answer = self._answers.pop(0)
        events = answer if isinstance(answer, tuple) else (answer,)
        for each in events:
            if isinstance(each, CallFailed):
                raise each
            yield TextDelta(each) if isinstance(each, str) else each
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop", notes=("own",))


async def ask(
    server: Server, calls: OpenModelCalls | None = None, request: ChatRequest | None = None
) -> ChatResponse:
    stream = (calls or OpenModelCalls()).stream(request or a_request(), server)
    return await collect_response(stream)


@pytest.mark.parametrize(("status", "message"), NO_TOOLS)
async def test_a_model_that_is_refused_tools_is_taught_them(status: int, message: str) -> None:
    calls, server = OpenModelCalls(), Server(failure(status, message), TAUGHT, TAUGHT)

    answers = [await ask(server, calls), await ask(server, calls)]

    assert [bool(each.tools) for each in server.requests] == [True, False, False]
    assert "tool_name: ping" in (server.requests[1].system or "")
    for answer in answers:
        assert [call.name for call in answer.tool_calls] == ["ping"]
        assert answer.done.notes == ("own", NOTE_TAUGHT)


async def test_what_is_known_of_one_model_is_not_said_of_another() -> None:
    calls, server = OpenModelCalls(), Server(failure(*NO_TOOLS[0]), "a", "b")
    await ask(server, calls)

    await ask(server, calls, a_request(model="another"))

    assert server.requests[-1].tools == (PING, PONG)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "max_tokens is too large"),
        (400, "This model does not support images"),
        (401, "tools are not supported without a key"),
        (429, "tools are not available: too many requests"),
        (503, "the model does not support tools while it loads"),
    ],
)
async def test_other_refusals_are_errors(status: int, message: str) -> None:
    server = Server(failure(status, message))

    with pytest.raises(CallFailed):
        await ask(server)

    assert len(server.requests) == 1


async def test_a_refusal_without_tools_is_an_error() -> None:
    server = Server(failure(*NO_TOOLS[0]))

    with pytest.raises(CallFailed):
        await ask(server, request=a_request(tools=()))


async def test_nothing_is_repeated_after_the_first_token() -> None:
    server = Server((TextDelta("I "), failure(500, "tools are not supported")))

    with pytest.raises(CallFailed):
        await ask(server)

    assert len(server.requests) == 1


async def test_a_form_that_failed_too_is_not_remembered() -> None:
    calls = OpenModelCalls()
    server = Server(failure(*NO_TOOLS[0]), failure(503, "busy"), "fine")
    with pytest.raises(CallFailed):
        await ask(server, calls)

    answer = await ask(server, calls)

    assert server.requests[-1].tools == (PING, PONG)
    assert answer.done.notes == ("own",)


async def test_tools_are_never_sent_to_a_model_that_is_known_to_take_none() -> None:
    server = Server(TAUGHT)

    answer = await ask(server, request=a_request(text_calls=TextCalls(tool_mode="text")))

    assert server.requests[0].tools == ()
    assert len(answer.tool_calls) == 1
    assert answer.done.notes == ("own",)


async def test_instructions_go_into_the_first_turn_if_a_template_takes_none() -> None:
    refused = failure(400, "System role not supported")
    calls, server = OpenModelCalls(), Server(refused, refused, TAUGHT, "fine")

    answer = await ask(server, calls)
    await ask(server, calls, a_request(tools=()))

    first = server.requests[2].messages[0]
    assert server.requests[2].system is None
    assert first.role == "user"
    assert first.content.startswith("Be brief.\n\nTo use a tool")
    assert first.content.endswith("\n\nhi")
    assert answer.done.notes == ("own", NOTE_TAUGHT, NOTE_FOLDED)
    assert server.requests[3].messages[0].content == "Be brief.\n\nhi"


async def test_a_call_that_must_come_is_constrained_where_the_choice_may_be_ignored() -> None:
    calls = OpenModelCalls(takes_tool_choice=False)
    server = Server('{"tool_name": "pong", "arguments": {}}', "a", "b", "c")

    answer = await ask(server, calls, a_request(tool_choice="required"))

    assert server.requests[0].response_schema is not None
    assert [call.name for call in answer.tool_calls] == ["pong"]
    assert answer.done.finish_reason is FinishReason.TOOL_CALLS
    for request in (
        a_request(tool_choice=NamedTool("ping")),  # it is offered alone
        a_request(tool_choice="required", tools=(PING,)),
        a_request(tool_choice="required", text_calls=TextCalls(tool_mode="structured")),
    ):
        await ask(server, OpenModelCalls(takes_tool_choice=False), request)
        assert server.requests[-1].tools == request.tools


async def test_a_constraint_that_is_refused_is_dropped() -> None:
    refused = failure(400, "response_format json_schema is not available")
    server = Server(refused, TAUGHT)
    request = a_request(tool_choice="required", text_calls=TextCalls(tool_mode="text"))

    answer = await ask(server, request=request)

    first, second = server.requests
    assert first.response_schema is not None
    assert second.response_schema is None
    assert "Use a tool before you answer." in (second.system or "")
    assert len(answer.tool_calls) == 1


@pytest.mark.parametrize(
    "message",
    [
        "JSON schema conversion failed: Pattern must start with '^' and end with '$'",
        "The provided JSON schema contains features not supported by xgrammar.",
    ],
)
async def test_a_schema_of_a_tool_that_is_refused_is_taught_for_this_call(message: str) -> None:
    calls, server = OpenModelCalls(), Server(failure(400, message), TAUGHT, "fine")

    answer = await ask(server, calls)
    await ask(server, calls)

    assert [bool(each.tools) for each in server.requests] == [True, False, True]
    assert len(answer.tool_calls) == 1
    assert answer.done.notes == ("own", NOTE_SCHEMA)


@pytest.mark.parametrize("choice", ["required", NamedTool("ping")])
async def test_a_choice_that_was_ignored_is_a_constraint_the_next_time(choice: ToolChoice) -> None:
    calls, server = (
        OpenModelCalls(),
        Server("No.", "fine", '{"tool_name": "ping", "arguments": {}}'),
    )
    forced = a_request(tool_choice=choice, text_calls=TextCalls(tool_mode="structured"))

    await ask(server, calls, forced)
    await ask(server, calls)
    answer = await ask(server, calls, forced)

    first, unforced, last = server.requests
    assert first.tools == unforced.tools == (PING, PONG)
    assert last.response_schema is not None
    assert [call.name for call in answer.tool_calls] == ["ping"]


async def test_an_answer_in_an_error_message_is_an_answer() -> None:
    message = f"Failed to parse input at pos 0: I ping.\n{MARKED}"
    server = Server((TokenUsage(output=7), failure(500, message)))

    answer = await ask(server)

    assert answer.text == "I ping."
    assert [call.name for call in answer.tool_calls] == ["ping"]
    assert answer.done.notes == (NOTE_RESCUED,)
    assert answer.usage == TokenUsage(output=7)


async def test_an_answer_that_breaks_off_is_read_to_its_end() -> None:
    message = f"Failed to parse input at pos 8: {MARKED}"
    server = Server((TextDelta("I ping."), map_payload("v", {"error": message}, secret="")))

    answer = await ask(server)

    assert answer.text == "I ping."
    assert len(answer.tool_calls) == 1


@pytest.mark.parametrize(
    "message",
    [
        "The model produced output that does not match the expected peg-native format",
        "Failed to parse input at pos 12: </tool_call>",
        "error parsing tool call: raw='ls -R\n', err=invalid character 'l' looking for beginning",
        "error parsing tool call: raw='', err=",
    ],
)
async def test_a_lost_answer_is_asked_for_once_more_as_text(message: str) -> None:
    calls, server = OpenModelCalls(), Server(failure(500, message), TAUGHT, "fine")

    answer = await ask(server, calls)
    await ask(server, calls)

    assert [bool(each.tools) for each in server.requests] == [True, False, True]
    assert len(answer.tool_calls) == 1
    assert answer.done.notes == ("own", NOTE_REPEATED)


async def test_a_second_lost_answer_is_an_error() -> None:
    lost = failure(500, "does not match the expected peg-native format")
    server = Server(lost, lost)

    with pytest.raises(CallFailed):
        await ask(server)

    assert len(server.requests) == 2


async def test_a_call_that_ollama_quotes_whole_is_read() -> None:
    raw = '{"name": "ping", "arguments": {}}'
    server = Server(failure(500, f"error parsing tool call: raw='{raw}', err=invalid character"))

    answer = await ask(server)

    assert [call.name for call in answer.tool_calls] == ["ping"]


async def test_broken_calls_of_earlier_turns_are_sent_as_text() -> None:
    broken = ToolCall(id="a", name="ping", arguments="{")
    messages = (
        Message(role="user", content="hi"),
        Message(role="assistant", content="", tool_calls=(broken,)),
        Message(role="tool", content="no", tool_call_id="a"),
    )
    server = Server("fine")

    await ask(server, request=a_request(messages=messages))

    assert [each.role for each in server.requests[0].messages] == ["user", "assistant", "user"]
    assert not any(each.tool_calls for each in server.requests[0].messages)
