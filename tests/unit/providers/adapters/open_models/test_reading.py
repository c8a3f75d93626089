import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters.answer_check import ContentCheck
from providers.adapters.open_models import read_model_answer
from providers.adapters.open_models.reading import AnswerReader
from providers.chat import (
    ChatRequest,
    FinishReason,
    Message,
    ReasoningDelta,
    TextCalls,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import MalformedResponse
from tests.support.tool_calls.corpus import GRAMMARS, Answer, answers
from tests.support.tool_calls.events import CALL, READ, a_request, done, feed, iterate, read


async def test_a_call_in_the_text_is_a_call() -> None:
    answer = await read(f"I read it.\n{CALL}")

    [call] = answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("read_file", {"path": "a.py"})
    assert (call.form, call.repairs, call.rejection) == ("hermes_json", (), None)
    assert answer.text == "I read it."
    assert answer.done.finish_reason is FinishReason.TOOL_CALLS
    assert answer.done.intent is None


async def test_text_streams_on_before_a_call_begins() -> None:
    reader = AnswerReader(a_request())

    assert feed(reader, "I read ", "the file") == [TextDelta("I read"), TextDelta(" the file")]
    assert feed(reader, " now. <tool", "_call>") == [TextDelta(" now.")]


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ('<tool_call>{"name": "nope", "arguments": {}}</tool_call>', "unknown_tool", "read_file"),
        ('<tool_call>{"name": "read_file", "arguments": {}}</tool_call>', "schema", "path"),
        (
            '<tool_call>{"name": "read_file", "arguments": {"path": x + 1}}</tool_call>',
            "malformed",
            "cannot be read",
        ),
        ('<tool_call>{"name": "read_file", "arguments": {"path": "a', "truncated", "cut off"),
    ],
)
async def test_a_rejected_call_says_why_and_keeps_its_text(
    text: str, reason: str, said: str
) -> None:
    answer = await read(text)

    [call] = answer.tool_calls
    assert call.rejection is not None
    assert call.rejection.reason == reason
    assert said in call.rejection.detail
    assert call.arguments == text
    assert call.id


async def test_a_bad_call_keeps_its_place_among_the_good_ones() -> None:
    bad = '<tool_call>{"name": "nope", "arguments": {}}</tool_call>'

    answer = await read(f"{CALL}\n{bad}\n{CALL}")

    assert [call.rejection is None for call in answer.tool_calls] == [True, False, True]
    assert len({call.id for call in answer.tool_calls}) == 3


async def test_structured_calls_are_checked_and_repaired_like_those_in_the_text() -> None:
    mended = ToolCall(id="a", name="Read-File", arguments="{'path': 'a.py', 'lines': '3'}")
    broken = ToolCall(id="b", name="read_file", arguments='{"path": 7/2}')

    answer = await read("Both.", mended, broken)

    first, second = answer.tool_calls
    assert (first.id, first.name) == ("a", "read_file")
    assert json.loads(first.arguments) == {"path": "a.py", "lines": 3}
    assert first.form == "structured"
    assert {"name", "type"} <= set(first.repairs)
    assert second.id == "b"
    assert second.rejection is not None
    assert second.rejection.reason == "malformed"
    assert (second.form, second.arguments) == ("structured", '{"path": 7/2}')


async def test_structured_calls_make_those_in_the_text_superfluous() -> None:
    answer = await read(CALL, ToolCall(id="a", name="ping", arguments="{}"))

    assert [call.name for call in answer.tool_calls] == ["ping"]


async def test_a_structured_call_that_was_cut_before_its_arguments_is_not_run() -> None:
    pieces = (
        ToolCallDelta(index=0, id="a", name="ping", arguments="{}"),
        ToolCallDelta(index=1, id="b", name="ping", arguments=""),
    )
    calls = (
        ToolCall(id="a", name="ping", arguments="{}"),
        ToolCall(id="b", name="ping", arguments="{}"),
    )

    answer = await read(*pieces, *calls, end=done(FinishReason.LENGTH))

    first, second = answer.tool_calls
    assert first.rejection is None
    assert second.rejection is not None
    assert second.rejection.reason == "truncated"
    assert answer.done.finish_reason is FinishReason.LENGTH


async def test_numbers_that_json_does_not_know_are_never_sent_on() -> None:
    answer = await read('<tool_call>{"name": "ping", "arguments": {"a": 1e999}}</tool_call>')

    [call] = answer.tool_calls
    assert call.rejection is not None


async def test_ids_are_unique_in_the_answer_and_new_in_the_conversation() -> None:
    earlier = Message(
        role="assistant",
        content="",
        tool_calls=(
            ToolCall(id="call_0", name="ping", arguments="{}"),
            ToolCall(id="call00002", name="ping", arguments="{}"),
        ),
    )
    calls = [ToolCall(id=id_, name="ping", arguments="{}") for id_ in ("call_0", "x", "x", "")]

    answer = await read(*calls, request=a_request(messages=(earlier,)))

    ids = [call.id for call in answer.tool_calls]
    assert ids[1] == "x"
    assert len({*ids, "call_0", "call00002"}) == 6
    assert all(len(each) == 9 and each.isalnum() for each in ids if each != "x")


async def test_an_announced_tool_is_reported_and_not_called() -> None:
    answer = await read('I will use read_file with path="a.py" to see it.')

    assert answer.done.intent == "read_file"
    assert answer.tool_calls == ()
    assert answer.done.finish_reason is FinishReason.STOP


async def test_a_server_that_announces_calls_and_sends_none_has_answered() -> None:
    answer = await read("Nothing to do.", end=done(FinishReason.TOOL_CALLS))

    assert answer.done.finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    "request_",
    [
        a_request(tools=()),
        a_request(tool_choice="none"),
        a_request(text_calls=None),
        a_request(text_calls=TextCalls(tool_mode="text"), tools=()),
    ],
)
async def test_without_tools_only_the_reasoning_is_separated(request_: ChatRequest) -> None:
    text = f"A turn ends in <|im_end|>, a call is {CALL}"

    answer = await read(f"<think>why</think>\n\n{text}", request=request_)

    assert (answer.reasoning, answer.text, answer.tool_calls) == ("why", text, ())


async def test_calls_of_hosted_vendors_pass_as_they_are() -> None:
    call = ToolCall(id="a", name="anything", arguments="{broken")

    answer = await read(call, request=a_request(text_calls=None), end=done(FinishReason.TOOL_CALLS))

    assert answer.tool_calls == (call,)
    assert answer.done == done(FinishReason.TOOL_CALLS)


async def test_calls_before_a_late_end_of_the_reasoning_belong_to_it() -> None:
    answer = await read(f"Perhaps {CALL}", "</think>", f"No: {CALL}")

    assert len(answer.tool_calls) == 1
    assert answer.text == "No:"
    assert "Perhaps" in answer.reasoning


async def test_what_the_template_wrote_opens_the_reasoning() -> None:
    answer = await read(
        f"why</think>{CALL}", request=a_request(text_calls=TextCalls(prefix="<think>\n"))
    )

    assert (answer.reasoning, answer.text, len(answer.tool_calls)) == ("why", "", 1)


async def test_reasoning_in_a_field_of_its_own_means_that_the_text_is_none() -> None:
    answer = await read(
        ReasoningDelta("why"),
        "so",
        request=a_request(text_calls=TextCalls(prefix="<think>\n")),
    )

    assert (answer.reasoning, answer.text) == ("why", "so")


_THOUGHTS = [
    ("<think>why</think>\n\nso", "why", "so"),
    ("\n<think>why</think>so", "why", "so"),
    ("<think>\nwhy</think>\n    so", "why", "    so"),
    ("no tags", "", "no tags"),
    ("a <think>tag</think> later", "", "a <think>tag</think> later"),
    ("<think>never closed", "never closed", ""),
    ("<think></think>so", "", "so"),
    ("<thin air", "", "<thin air"),
    ("<think>a < b</thin</think>c", "a < b</thin", "c"),
    ("", "", ""),
    ("why</think>\n\nso", "why", "so"),
    ("why</think>", "why", ""),
    ("</think>so", "", "so"),
    ("split at `</think>` and", "", "split at `</think>` and"),
    ("cut('</think>')", "", "cut('</think>')"),
    ("say '</think>' why</think>so", "say '</think>' why", "so"),
    ('he said "so"</think>so', 'he said "so"', "so"),
    ("a <think>b</think> c</think>d", "", "a <think>b</think> c</think>d"),
    ("why</think>so</think>on", "why", "so</think>on"),
    ("<think>a</think>b</think>c", "a", "b</think>c"),
    ("why</thin", "", "why</thin"),
    ("  code\n", "", "  code\n"),
]


@pytest.mark.parametrize(("whole", "thinking", "text"), _THOUGHTS)
@pytest.mark.parametrize("tools", [(), (READ,)])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
async def test_tags_are_found_wherever_the_pieces_end(
    whole: str, thinking: str, text: str, tools: tuple[Tool, ...], data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(whole))).map(sorted))
    pieces = [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]

    answer = await read(*pieces, request=a_request(tools=tools))

    assert (answer.reasoning, answer.text) == (thinking, text)


async def test_tags_that_people_ask_for_are_text_where_no_calls_are_read() -> None:
    text = "<thinking>step 1</thinking>\n[THINK] is a token, [/THINK] another. <answer>7</answer>"

    for request in (a_request(tools=()), a_request(text_calls=None)):
        answer = await read(text, request=request)

        assert (answer.reasoning, answer.text) == ("", text)


async def test_what_the_template_opened_ends_with_its_own_tag() -> None:
    request = a_request(tools=(), text_calls=TextCalls(prefix="[THINK]"))

    answer = await read("why[/THINK]so", request=request)

    assert (answer.reasoning, answer.text) == ("why", "so")


@pytest.mark.parametrize("name", GRAMMARS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
async def test_every_cut_of_a_stream_gives_the_same_answer(name: str, data: st.DataObject) -> None:
    answer: Answer = data.draw(answers(GRAMMARS[name]))
    cuts = data.draw(st.lists(st.integers(0, len(answer.text)), max_size=20).map(sorted))
    pieces = [answer.text[a:b] for a, b in pairwise([0, *cuts, len(answer.text)])]
    functions = [each.get("function", each) for each in answer.tools]
    tools = tuple(
        Tool(name=each["name"], description="", parameters=each.get("parameters", {}))
        for each in functions
    )
    request = a_request(tools=tools)

    whole = await read(answer.text, request=request)
    cut = await read(*pieces, request=request)
    by_character = await read(*answer.text, request=request)

    assert cut == whole == by_character
    assert [(call.name, json.loads(call.arguments)) for call in whole.tool_calls] == answer.calls
    assert "".join(whole.text.split()) == "".join(answer.content.split())


async def test_an_endless_call_is_not_collected_for_ever() -> None:
    piece = "x" * 100_000
    endless = iterate([TextDelta("<tool_call>" + piece), *([TextDelta(piece)] * 100)])
    check = ContentCheck("v")

    with pytest.raises(MalformedResponse, match="longer than"):
        async for event in read_model_answer(endless, a_request()):
            check.check(event)
