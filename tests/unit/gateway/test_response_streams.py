"""The events of streamed responses, as OpenAI's types have them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.problems import Problem
from gateway.tasks.openai.responses.answer import build_response
from gateway.tasks.openai.responses.stream import ResponseStream
from gateway.tasks.task_run import TaskRun
from protocol.ids import utc_now
from protocol.records import Task
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
TASK_ID = UUID(int=7)


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
        calls_tool("error", call_id="c3", tool="theirs", rejected="schema"),
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


@pytest.mark.parametrize("says_reasoning", [False, True])
async def test_reasoning_is_an_item_before_the_calls_if_that_is_asked_for(
    *, says_reasoning: bool
) -> None:
    params = {"client_request": {"include": ["reasoning.encrypted_content"]}}
    result = {"tool_calls": [{"id": "a", "name": "look", "arguments": "{}"}]}
    ended = TaskEnded(a_task(params=params, result=result, reasoning_tokens=5))
    said = [says("hm", "reasoning")] if says_reasoning else []

    told = await streamed(*said, ended, params=params)

    reasoning, call = told[-1].response.output
    assert (reasoning.type, call.type) == ("reasoning", "function_call")
    assert reasoning.encrypted_content == f"cogo_{TASK_ID.hex}"
    assert [each.text for each in reasoning.content] == ["hm"] * says_reasoning
    done = [each.item for each in told if each.type == "response.output_item.done"]
    assert done == [reasoning, call]


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
