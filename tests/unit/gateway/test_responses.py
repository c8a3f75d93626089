"""Requests for responses become tasks, and rows of tasks become responses and their events."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from openai.types.responses import Response, ResponseItemList, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.problems import Problem
from gateway.tasks.openai.responses.answer import build_response
from gateway.tasks.openai.responses.input import (
    list_earlier_turns,
    list_input_items,
    read_response_id,
    write_response_id,
)
from gateway.tasks.openai.responses.request import ResponseRequest, build_response_task
from gateway.tasks.openai.responses.stream import ResponseStream
from gateway.tasks.task_run import TaskRun
from protocol.ids import utc_now
from protocol.records import NewTask, Task
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

EVENTS: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}
LOOK: dict[str, Any] = {"type": "function", "name": "look", "parameters": SCHEMA, "strict": True}
CALL: dict[str, Any] = {
    "type": "function_call",
    "call_id": "a",
    "name": "look",
    "arguments": '{"x": 1',
}
RESULT: dict[str, Any] = {"type": "function_call_output", "call_id": "a", "output": "7"}
HELLO: dict[str, Any] = {"role": "user", "content": "hello"}
TASK_ID = UUID(int=7)


def task_for(earlier: Any = (), **fields: Any) -> NewTask:
    body = ResponseRequest.model_validate({"input": "hello"} | fields)
    return build_response_task(body, model=None, earlier=earlier)


def a_task(status: str = "completed", **fields: Any) -> Task:
    row = {"id": TASK_ID, "type": "CHAT", "prompt": "p", "status": status, "created_at": utc_now()}
    return Task.model_validate(row | fields)


def says(text: str, kind: Any = "text") -> TranscriptDelta:
    said = TranscriptDelta(
        task_id=TASK_ID, subtask_id=TASK_ID, attempt=1, kind="text", offset=0, delta=text
    )
    return replace(said, kind=kind)


class Script:
    """A run whose updates are known beforehand."""

    task_id = TASK_ID

    def __init__(self, *items: TaskUpdate) -> None:
        self._items = items

    async def updates(self) -> AsyncIterator[TaskUpdate]:
        for each in self._items:
            yield each


async def streamed(*items: TaskUpdate, **row: Any) -> list[Any]:
    """Return the events, each as OpenAI's types have it."""
    stream = ResponseStream(cast("TaskRun", Script(*items)), a_task("running", **row))
    found: list[Any] = []
    try:
        async for each in stream.read():
            found += [each] if each else []
    except Problem as problem:
        found += stream.build_failure(problem)
    events = [EVENTS.validate_python(each) for each in found]
    assert [each.sequence_number for each in events] == list(range(len(events)))
    return events


def test_a_text_and_its_settings_become_params() -> None:
    task = task_for(
        instructions="Be brief.",
        reasoning={"effort": "low"},
        max_output_tokens=50,
        max_tool_calls=3,
        text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
        tools=[LOOK, {"type": "web_search"}],
        tool_choice={"type": "function", "name": "look"},
        metadata={"a": "b"},
        cogo_tools=["cogo:run_code"],
    )

    assert (task.type, task.prompt) == ("CHAT", "hello")
    echo = cast("dict[str, Any]", task.params.pop("client_request"))
    assert (echo["instructions"], echo["metadata"]) == ("Be brief.", {"a": "b"})
    assert task.params == {
        "messages": [HELLO],
        "system": "Be brief.",
        "max_output_tokens": 50,
        "reasoning_effort": "low",
        "response_schema": SCHEMA,
        "client_tools": [{"name": "look", "description": "", "parameters": SCHEMA, "strict": True}],
        "tools": ["cogo:run_code", "web_search"],
        "tool_choice": {"name": "look"},
        "tool_limits": {"calls": 3},
    }


def test_items_are_turns_and_several_items_are_one_turn_of_the_model() -> None:
    image = {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "low"}
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,"}
    said = {"type": "output_text", "text": "I look", "annotations": []}
    task = task_for(
        input=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "see"}, image, file]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "role": "assistant", "content": [said], "id": "msg_1"},
            CALL,
            CALL | {"call_id": "b"},
            RESULT,
            RESULT | {"call_id": "b", "output": [{"type": "input_text", "text": "8"}]},
        ]
    )

    assert task.params["system"] == "Be brief."
    call = {"id": "a", "name": "look", "arguments": '{"x": 1'}
    assert task.params["messages"] == [
        {
            "role": "user",
            "content": "see",
            "attachments": [
                {"url": "https://a.example/x.png"},
                {"url": "data:application/pdf;base64,", "name": "a.pdf"},
            ],
        },
        {"role": "assistant", "content": "I look", "tool_calls": [call, call | {"id": "b"}]},
        {"role": "tool", "content": "7", "tool_call_id": "a"},
        {"role": "tool", "content": "8", "tool_call_id": "b"},
    ]
    items = list_input_items(a_task(params=task.params))
    listed = {"object": "list", "data": items, "first_id": "", "last_id": "", "has_more": False}
    assert [each.type for each in ResponseItemList.model_validate(listed).data] == [
        "message",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]


def test_a_request_goes_on_after_the_previous_response() -> None:
    calls = [{"id": "a", "name": "look", "arguments": "{}"}]
    before = a_task(params={"messages": [HELLO]}, result={"text": "so", "tool_calls": calls})

    task = task_for(earlier=list_earlier_turns(before), input=[RESULT])

    assert task.params["messages"] == [
        HELLO,
        {"role": "assistant", "content": "so", "tool_calls": calls},
        {"role": "tool", "content": "7", "tool_call_id": "a"},
    ]
    with pytest.raises(Problem) as refused:
        task_for(earlier=list_earlier_turns(before))
    assert refused.value.extra["param"] == "previous_response_id"


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"conversation": "c"}, "conversation", "previous_response_id"),
        ({"prompt": {"id": "p"}}, "prompt", "instructions"),
        ({"top_logprobs": 3}, "top_logprobs", "leave it out"),
        ({"input": []}, "input", "no message"),
        ({"input": [RESULT]}, "input.0", "no open call 'a'"),
        ({"input": [HELLO, CALL]}, "input.1", "missing: 'a'"),
        ({"input": [CALL | {"name": None}]}, "input.0", "call_id, name and arguments"),
        ({"input": [RESULT | {"output": None}]}, "input.0", "call_id and output"),
        ({"input": [{"role": "tool"}]}, "input.0.role", "the role is"),
        ({"input": [{"type": "computer_call"}]}, "input.0", "function_call_output"),
        ({"tools": [{"type": "code_interpreter"}]}, "tools.0", "cogo:run_code"),
        ({"tools": [{"type": "mcp"}]}, "tools.0", "mcp:SERVER"),
        ({"tools": [LOOK | {"name": "a\nb"}]}, "tools.0", "letters"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", "not auto"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format", "json_schema"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_with_what_to_do(
    fields: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(Problem) as refused:
        task_for(**fields)

    assert (refused.value.status_code, refused.value.extra["param"]) == (400, param)
    assert words in f"{refused.value.detail} {refused.value.hint}"


def test_the_id_of_a_response_names_its_task() -> None:
    task_id = uuid4()

    assert read_response_id(write_response_id(task_id)) == task_id
    for strange in ("", "resp_", str(task_id), f"resp_{task_id}", f"resp_{task_id.hex}0"):
        assert read_response_id(strange) is None


@pytest.mark.parametrize(
    ("status", "row", "told"),
    [
        ("pending", {}, "queued"),
        ("running", {}, "in_progress"),
        ("completed", {"result": {"text": "hello"}}, "completed"),
        ("completed", {"result": {"text": "hel", "finish_reason": "length"}}, "incomplete"),
        ("completed", {"result": {"text": " "}}, "failed"),
        ("failed", {"error": {"class": "overloaded", "message": "why"}}, "failed"),
        ("cancelled", {}, "cancelled"),
    ],
)
def test_a_response_has_the_state_of_its_task(status: str, row: dict[str, Any], told: str) -> None:
    task = a_task(status, params=task_for(tools=[LOOK]).params, input_tokens=3, **row)

    found = Response.model_validate(build_response(task))

    assert found.status == told
    assert (found.error is not None) == (told == "failed")
    assert [each.type for each in found.tools] == ["function"]
    assert (found.usage is not None) == task.status.is_final


def test_a_response_has_reasoning_text_and_calls() -> None:
    calls = [{"id": "a", "name": "look", "arguments": '{"x": 1'}]
    result = {"text": "hello", "reasoning_content": "hm", "tool_calls": calls}
    cited = result | {"citations": [{"url": "https://a.example", "title": "A"}]}

    found = Response.model_validate(build_response(a_task(result=cited)))

    assert [each.type for each in found.output] == ["reasoning", "message", "function_call"]
    assert found.output_text == "hello"
    assert found.output[2].arguments == '{"x": 1'  # type: ignore[union-attr]


async def test_the_events_of_an_answer_come_in_the_documented_order() -> None:
    calls = [{"id": "a", "name": "look", "arguments": "{}"}]
    result = {
        "text": "hello",
        "reasoning_content": "hm",
        "tool_calls": calls,
        "citations": [{"url": "https://a.example"}],
    }

    told = await streamed(
        says("h", "reasoning"),
        says("m", "reasoning"),
        says("hel"),
        says("late", "reasoning"),
        says("lo"),
        TaskEnded(a_task(result=result)),
    )

    assert [each.type.removeprefix("response.") for each in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    done = [each.item for each in told if each.type == "response.output_item.done"]
    assert told[-1].response.output == done
    assert told[-1].response.output_text == "hello"
    assert Response.model_validate(build_response(a_task(result=result))).output == done


def calls_tool(status: Any = "called", **fields: Any) -> ToolCallUpdate:
    called = ToolCallUpdate(
        task_id=TASK_ID,
        subtask_id=TASK_ID,
        turn=1,
        call_id="c1",
        tool="mcp:shop/find",
        arguments={"x": 1},
    )
    return replace(called, status=status, **fields)


ASIDE = TranscriptAside(task_id=TASK_ID, subtask_id=TASK_ID, attempt=1, turn=1, kind="narration")


async def test_tools_of_ours_are_items_that_no_client_runs() -> None:
    told = await streamed(
        says("hm", "reasoning"),
        says("I look."),
        ASIDE,
        calls_tool(),
        calls_tool(call_id="c2", tool="cogo:run_code", arguments=None, is_cut=True),
        calls_tool("ok", summary="7"),
        calls_tool("ok", summary="7"),
        calls_tool(call_id="of another step", is_answer=False),
        says("It is "),
        calls_tool("error", call_id="c2", tool="cogo:run_code", summary="no such file"),
        says("7."),
        TaskEnded(a_task(result={"text": "It is 7."})),
    )

    assert told[-1].type == "response.completed"
    assert [each.type for each in told[-1].response.output] == [
        "reasoning",
        "message",
        "mcp_call",
        "mcp_call",
        "message",
    ]
    _, said, found, failed, answer = told[-1].response.output
    assert (said.phase, said.content[0].text) == ("commentary", "I look.\n\n")
    assert (answer.phase, answer.content[0].text) == ("final_answer", "It is 7.")
    assert told[-1].response.output_text == "I look.\n\nIt is 7."
    assert (found.server_label, found.name, found.output) == ("shop", "find", "7")
    assert (found.arguments, found.status) == ('{"x": 1}', "completed")
    assert (failed.server_label, failed.name, failed.status) == ("cogo", "run_code", "failed")
    assert failed.error.content == [{"type": "text", "text": "no such file"}]
    kinds = [each.type for each in told if each.type.startswith("response.mcp_call")]
    begun = [f"response.mcp_call{each}" for each in (".in_progress", "_arguments.delta")]
    begun.append("response.mcp_call_arguments.done")
    assert kinds == [*begun, *begun, "response.mcp_call.completed", "response.mcp_call.failed"]
    done = {each.output_index: each.item for each in told if each.type.endswith("_item.done")}
    assert [done[index] for index in range(5)] == told[-1].response.output


async def test_a_comment_is_not_the_text_of_a_later_attempt() -> None:
    again = TranscriptReset(task_id=TASK_ID, subtask_id=TASK_ID, attempt=2)
    ended = TaskEnded(a_task(result={"text": "I look. Found."}))

    told = await streamed(says("I look."), ASIDE, calls_tool(), again, ended)

    assert told[-1].type == "response.completed"
    assert [each.type for each in told[-1].response.output] == ["message", "mcp_call", "message"]
    assert told[-1].response.output[1].status == "incomplete"
    assert told[-1].response.output_text == "I look.\n\nI look. Found."


async def test_what_was_said_before_a_call_of_the_caller_is_not_said_twice() -> None:
    calls = [{"id": "a", "name": "look", "arguments": "{}"}]
    ended = TaskEnded(a_task(result={"text": "I look.", "tool_calls": calls}))

    told = await streamed(says("I look."), ASIDE, calls_tool("ok"), ended)

    assert [each.type for each in told[-1].response.output] == [
        "message",
        "mcp_call",
        "function_call",
    ]


async def test_json_is_sent_once_it_has_been_checked() -> None:
    params = {"response_schema": SCHEMA}
    again = TranscriptReset(task_id=TASK_ID, subtask_id=TASK_ID, attempt=2)
    ended = TaskEnded(a_task(params=params, result={"text": "```{}```", "data": {}}))

    told = await streamed(says("no"), again, says("```"), ended, params=params)

    assert [each.delta for each in told if each.type == "response.output_text.delta"] == ["{}"]


async def test_a_stream_that_fails_after_it_has_begun_says_so() -> None:
    again = TranscriptReset(task_id=TASK_ID, subtask_id=TASK_ID, attempt=2)

    error, failed = (await streamed(says("hel"), again))[-2:]

    assert (error.type, error.code) == ("error", "attempt_failed")
    assert (failed.type, failed.response.status) == ("response.failed", "failed")


async def test_a_stream_that_fails_before_its_text_has_no_events() -> None:
    failed = a_task("failed", error={"class": "invalid_task", "message": "why"})
    stream = ResponseStream(cast("TaskRun", Script(TaskEnded(failed))), a_task("running"))

    with pytest.raises(Problem, match="why"):
        await anext(aiter(stream.read()))


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (a_task(result={"text": "hel", "finish_reason": "length"}), "max_output_tokens"),
        (a_task("failed", error={"class": "content_filtered"}), "content_filter"),
    ],
)
async def test_an_answer_that_was_cut_off_is_incomplete(ended: Task, reason: str) -> None:
    last = (await streamed(says("hel"), TaskEnded(ended)))[-1]

    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == reason
    assert [each.status for each in last.response.output] == ["incomplete"]
