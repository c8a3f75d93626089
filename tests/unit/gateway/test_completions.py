"""Responses: text or an error, and code or a note that there is none."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.problems import Problem, build_openai_error
from gateway.routes.code_generation import find_code
from gateway.tasks.openai.chat_answer import ChunkStream, build_completion
from gateway.tasks.openai.chat_request import (
    NAMES_IN_CHAT,
    ChatCompletionRequest,
    list_turn_places,
)
from gateway.tasks.openai.responses.request import NAMES_IN_RESPONSES
from gateway.tasks.openai.results import rename_parameter
from gateway.tasks.task_run import TaskRun, require_completed
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
from tests.support.eventually import fail_on_hang

TASK = uuid4()


def a_task(status: str = "completed", **fields: Any) -> Task:
    row = {"id": uuid4(), "type": "CHAT", "prompt": "p", "status": status, "created_at": utc_now()}
    return Task.model_validate(row | fields)


class Script:
    """A run whose updates are known beforehand."""

    task_id = uuid4()

    def __init__(self, *items: TaskUpdate) -> None:
        self._items = items

    async def updates(self) -> AsyncIterator[TaskUpdate]:
        for each in self._items:
            yield each


def says(text: str) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=uuid4(), subtask_id=uuid4(), attempt=1, kind="text", offset=0, delta=text
    )


async def streamed(*items: TaskUpdate, **options: bool) -> list[dict[str, Any]]:
    asked = cast("TaskRun", Script(*items))
    told = ChunkStream(asked, model="m", **{"with_usage": False} | options)
    return [each async for each in told.read() if each is not None]


async def test_answers_and_chunks_have_the_fields_that_openai_documents() -> None:
    task = a_task(result={"text": "hello"}, input_tokens=3, cached_tokens=1, output_tokens=2)
    thought = replace(says("hm"), kind="reasoning")

    whole = build_completion(task, model="m")
    told = await streamed(thought, says("hello"), TaskEnded(task), with_usage=True)

    assert ChatCompletion.model_validate(whole).created == int(task.created_at.timestamp())
    assert set(whole["choices"][0]) == {"index", "message", "logprobs", "finish_reason"}
    began, reasoning, text, ended, used = [
        ChatCompletionChunk.model_validate(each) for each in told
    ]
    assert [began.id] * 5 == [each.id for each in (began, reasoning, text, ended, used)]
    assert abs(began.created - time.time()) < 60
    assert began.choices[0].delta.role == "assistant"
    assert told[1]["choices"][0]["delta"] == {"reasoning_content": "hm"}
    assert text.choices[0].delta.content == "hello"
    assert ended.choices[0].finish_reason == "stop"
    assert used.choices == []
    assert used.usage is not None
    assert (used.usage.prompt_tokens, used.usage.total_tokens) == (4, 6)


CALL = {"id": "call_1", "name": "look", "arguments": '{"x": 1'}


async def test_calls_of_the_caller_s_tools_end_the_answer_as_the_model_wrote_them() -> None:
    result = {"text": "", "finish_reason": "tool_calls", "tool_calls": [CALL, CALL | {"id": "2"}]}
    task = a_task(result=result)
    function = {"name": "look", "arguments": '{"x": 1'}

    [choice] = build_completion(task, model="m")["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert [(each["id"], each["function"]) for each in choice["message"]["tool_calls"]] == [
        ("call_1", function),
        ("2", function),
    ]
    told = await streamed(says("I look"), TaskEnded(task))
    chunks = [ChatCompletionChunk.model_validate(each) for each in told]
    calls = [call for each in chunks for call in each.choices[0].delta.tool_calls or ()]
    assert [(each.index, each.id) for each in calls] == [(0, "call_1"), (1, "2")]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_json_is_sent_once_it_has_been_checked_and_never_with_a_fence() -> None:
    params = {"response_schema": {"type": "object"}}
    result = {"text": '```json\n{"a": 1}\n```', "data": {"a": 1}}
    task = a_task(params=params, result=result)
    again = TranscriptReset(task_id=uuid4(), subtask_id=uuid4(), attempt=2)

    assert build_completion(task, model="m")["choices"][0]["message"]["content"] == '{"a": 1}'
    told = await streamed(says("no"), again, says("```json"), TaskEnded(task), holds_text=True)
    said = [each["choices"][0]["delta"].get("content") for each in told]
    assert said == ["", '{"a": 1}', None]
    with pytest.raises(Problem, match="cannot withdraw"):
        await streamed(says("no"), again)


async def test_what_is_said_before_tools_of_ours_is_set_apart_from_the_answer() -> None:
    called = ToolCallUpdate(task_id=TASK, subtask_id=TASK, turn=1, call_id="c", tool="look")
    aside = TranscriptAside(task_id=TASK, subtask_id=TASK, attempt=1, turn=1, kind="narration")
    again = TranscriptReset(task_id=TASK, subtask_id=TASK, attempt=2)
    ended = TaskEnded(a_task(result={"text": "It is 7."}))

    told = await streamed(
        says("I look."), aside, called, replace(called, status="ok"), again, says("It is "), ended
    )

    said = [each["choices"][0]["delta"].get("content") for each in told]
    assert said == ["", "I look.", "\n\nIt is ", "7.", None]
    assert not any("tool_calls" in each["choices"][0]["delta"] for each in told)
    told = await streamed(says("I look."), aside, called, ended)
    assert [each["choices"][0]["delta"].get("content") for each in told][2] == "\n\nIt is 7."
    with pytest.raises(Problem, match="cannot withdraw"):
        await streamed(says("I look."), aside, says("It"), again)
    filtered = a_task("failed", error={"class": "content_filtered", "message": "why"})
    told = await streamed(says("I look."), aside, called, TaskEnded(filtered))
    assert told[-1]["choices"][0]["finish_reason"] == "content_filter"


async def test_the_pages_of_a_search_are_annotations() -> None:
    task = a_task(result={"text": "hello", "citations": [{"url": "https://a.example"}]})
    place = {"url": "https://a.example", "title": "https://a.example"}
    cited = {"type": "url_citation", "url_citation": place | {"start_index": 0, "end_index": 0}}

    whole = ChatCompletion.model_validate(build_completion(task, model="m"))
    [annotation] = whole.choices[0].message.annotations or []
    assert annotation.model_dump() == cited
    assert [
        each["choices"][0]["delta"]["annotations"]
        for each in await streamed(says("hello"), TaskEnded(task))
        if "annotations" in each["choices"][0]["delta"]
    ] == [[cited]]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        (None, "stop"),
    ],
)
async def test_an_answer_says_why_it_ended(reason: str | None, told: str) -> None:
    task = a_task(result={"text": "hello", "finish_reason": reason})

    [choice] = build_completion(task, model="m")["choices"]
    assert choice["message"] == {"role": "assistant", "content": "hello", "refusal": None}
    assert choice["finish_reason"] == told
    last = (await streamed(says("hello"), TaskEnded(task)))[-1]
    assert last["choices"][0]["finish_reason"] == told


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ({"text": "", "finish_reason": "stop"}, "empty_answer"),
        ({"text": " \n", "reasoning_content": "hm"}, "empty_answer"),
        ({"text": "", "finish_reason": "length"}, "output_limit"),
        (None, "empty_answer"),
    ],
)
async def test_an_answer_without_a_word_is_an_error_that_says_what_to_do(
    result: dict[str, Any] | None, code: str
) -> None:
    task = a_task(result=result)
    with pytest.raises(Problem) as whole:
        build_completion(task, model="m")
    with pytest.raises(Problem) as live:
        await streamed(TaskEnded(task))

    assert whole.value.code == live.value.code == code
    assert whole.value.status_code >= 400
    assert whole.value.hint


async def test_a_filtered_answer_keeps_its_text_and_is_an_error_without_any() -> None:
    error = {"class": "content_filtered", "message": "the vendor's filter refused the answer"}
    task = a_task("failed", error=error)

    last = (await streamed(says("It is"), TaskEnded(task)))[-1]
    assert last["choices"][0]["finish_reason"] == "content_filter"
    with pytest.raises(Problem) as refused:
        await streamed(TaskEnded(task))
    assert build_openai_error(refused.value)["error"] == {
        "message": "the vendor's filter refused the answer",
        "type": "invalid_request_error",
        "param": None,
        "code": "content_filtered",
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [("budget", 402), ("not_granted", 403), ("overloaded", 503), ("deadline", 504), ("new", 502)],
)
def test_a_task_that_failed_is_an_error_with_its_words(kind: str, status: int) -> None:
    error = {"class": kind, "message": "why", "hint": "what to do"}
    task = a_task("failed", error=error)
    with pytest.raises(Problem) as failed:
        require_completed(task)

    assert failed.value.body()["task_id"] == str(task.id)
    assert (failed.value.status_code, failed.value.code) == (status, kind)
    is_retried = failed.value.headers.get("x-should-retry") is None  # type: ignore[union-attr]
    assert is_retried == (kind == "overloaded")
    assert build_openai_error(failed.value)["error"]["message"] == "why (what to do)"


def test_the_failure_of_a_task_names_the_parameter_of_the_request() -> None:
    error = {"class": "invalid_task", "message": "why", "field": "params.client_tools.3.name"}
    with pytest.raises(Problem) as failed:
        require_completed(a_task("failed", error=error))

    problem = rename_parameter(failed.value, NAMES_IN_CHAT)
    assert (problem.status_code, problem.extra["param"]) == (400, "tools.3.name")


def test_the_failure_of_a_file_names_the_message_that_has_it() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/x"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [image]},
    ]
    body = ChatCompletionRequest.model_validate({"model": "auto", "messages": messages})
    message = "messages.1.attachments.0 (x): it is empty"
    error = {"class": "invalid_attachment", "message": message}
    with pytest.raises(Problem) as failed:
        require_completed(a_task("failed", error=error))

    problem = rename_parameter(failed.value, NAMES_IN_CHAT, list_turn_places(body))
    assert problem.detail == "messages.3.attachments.0 (x): it is empty"

    error = {"class": "invalid_task", "message": f"params.{message}", "field": "params.messages.1"}
    for places, place in ((list_turn_places(body), "messages.3"), ([], "input")):
        with pytest.raises(Problem) as failed:
            require_completed(a_task("failed", error=error))
        problem = rename_parameter(failed.value, NAMES_IN_RESPONSES, places)
        assert problem.extra["param"] == place
        assert problem.detail == f"{place}.attachments.0 (x): it is empty"


async def test_simulated_answers_are_marked() -> None:
    task = a_task(result={"text": "hello", "simulated": True})

    assert build_completion(task, model="m")["simulated"] is True
    assert (await streamed(says("hello"), TaskEnded(task)))[-1]["simulated"] is True
    assert "simulated" not in build_completion(a_task(result={"text": "hello"}), model="m")


@pytest.mark.parametrize(
    "code",
    [
        "let x = 1",
        "function f() {\n}",
        "def f(x):\n    pass",
        "<p>hello</p>",
        "SELECT 1",
        "import os",
    ],
)
def test_code_is_code_with_and_without_a_fence(code: str) -> None:
    assert find_code({"text": code, "generated_code": code}) == code
    assert find_code({"text": f"Here:\n```\n{code}\n```", "generated_code": code}) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I am sorry, but I cannot help with that.",
        "This is the vendor simulator.\nIt has no program for this request.",
        "A debounce waits for a pause: the last call wins (for example, while somebody types).",
    ],
)
def test_prose_is_no_code(text: str) -> None:
    assert find_code({"text": text, "generated_code": text}) is None


@pytest.mark.parametrize("line", ["\n", " \t\n", "<a\n", "a\n", "; ", "import "])
def test_a_long_answer_is_searched_for_code_in_linear_time(line: str) -> None:
    text = line * (500_000 // len(line))

    with fail_on_hang():
        find_code({"text": text, "generated_code": text})
