"""The events of a response, in the order and with the numbers that OpenAI documents.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from gateway.problems import Problem, format_sentence
from gateway.tasks.openai.chat_answer import refuse_retraction
from gateway.tasks.openai.responses.answer import (
    Item,
    build_citation,
    build_empty_response,
    build_message_item,
    build_reasoning,
    build_response,
    build_text_part,
    list_calls,
)
from gateway.tasks.openai.results import GivenAnswer, has_schema, read_given_answer, was_filtered
from gateway.tasks.task_run import TaskRun, require_completed
from protocol.records import Task
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta, TranscriptReset

StreamEvent = dict[str, Any]


class ResponseStream:
    """The events of one response: its reasoning, its text, then the calls of the caller's tools.

    Text is sent as it arrives; JSON that must follow a schema when it has been checked.
    """

    def __init__(self, run: TaskRun, task: Task) -> None:
        self._run = run
        self._task = task
        self._name = task.id.hex
        self._holds_text = has_schema(task)
        self._number = 0
        self._items: list[Item] = []
        self._open: str | None = None
        """Type of the item that is being sent."""
        self._text = ""

    async def read(self) -> AsyncIterator[StreamEvent | None]:
        """Yield events, and None at each heartbeat.

        Raise Problem if the task fails, or withdraws text that was sent. Nothing is yielded before
        the task is known to be answered or a heartbeat is due.
        """
        has_begun = False
        async for update in self._run.updates():
            events = [None] if update is None else list(self._build_events(update))
            if events and not has_begun:
                has_begun = True
                body = build_empty_response(self._task) | {"status": "in_progress"}
                yield self._number_event(_build_event("response.created", response=body))
                yield self._number_event(_build_event("response.in_progress", response=body))
            for event in events:
                yield None if event is None else self._number_event(event)

    def build_failure(self, problem: Problem) -> Iterator[StreamEvent]:
        """Build the events that end a stream after it has begun."""
        sentence = format_sentence(problem)
        parameter = problem.extra.get("param")
        error = _build_event("error", code=problem.code, message=sentence, param=parameter)
        body = build_empty_response(self._task) | {"status": "failed", "output": self._items}
        body["error"] = {"code": "server_error", "message": sentence}
        for event in (error, _build_event("response.failed", response=body)):
            yield self._number_event(event)

    def _build_events(self, update: TaskUpdate) -> Iterator[StreamEvent]:
        match update:
            case TaskEnded():
                yield from self._end(update.task)
            case TranscriptDelta(kind="text"):
                if not self._holds_text:
                    yield from self._add_text(update.delta)
            case TranscriptDelta():
                if self._open != "message":  # a response has its reasoning before its text
                    yield from self._add_reasoning(update.delta)
            case TranscriptReset() if self._open == "message":
                raise refuse_retraction()
            case TranscriptReset():
                yield from self._close_item()

    def _end(self, task: Task) -> Iterator[StreamEvent]:
        if self._open == "message" and was_filtered(task):
            yield from self._close_item("incomplete")
            body = build_response(task, self._items) | {"status": "incomplete", "error": None}
            body |= {"output": self._items, "incomplete_details": {"reason": "content_filter"}}
            yield _build_event("response.incomplete", response=body)
            return
        answer = read_given_answer(require_completed(task))
        body = build_response(task, [])
        status = body["status"]
        if answer.text and self._open != "message":
            yield from self._add_text(answer.text)
        yield from self._close_item(status, answer)
        for item in list_calls(self._name, answer):
            yield from self._add_call(item)
        yield _build_event(f"response.{status}", response=body | {"output": self._items})

    def _add_text(self, delta: str) -> Iterator[StreamEvent]:
        if self._open != "message":
            yield from self._close_item()
            item = build_message_item(self._name, "", status="in_progress") | {"content": []}
            yield from self._open_item(item, build_text_part(""))
        self._text += delta
        yield self._part_event("response.output_text.delta", delta=delta, logprobs=[])

    def _add_reasoning(self, delta: str) -> Iterator[StreamEvent]:
        if self._open != "reasoning":
            name = f"{self._name}_{len(self._items)}" if self._items else self._name
            item = build_reasoning(name, "", status="in_progress")
            yield from self._open_item(item, {"type": "reasoning_text", "text": ""})
        self._text += delta
        yield self._part_event("response.reasoning_text.delta", delta=delta)

    def _add_call(self, item: Item) -> Iterator[StreamEvent]:
        self._items.append(item)
        place = {"item_id": item["id"], "output_index": len(self._items) - 1}
        index, arguments = place["output_index"], item["arguments"]
        begun = item | {"status": "in_progress", "arguments": ""}
        yield _build_event("response.output_item.added", item=begun, output_index=index)
        kind = "response.function_call_arguments"
        yield _build_event(f"{kind}.delta", delta=arguments, **place)
        yield _build_event(f"{kind}.done", arguments=arguments, name=item["name"], **place)
        yield _build_event("response.output_item.done", item=item, output_index=index)

    def _open_item(self, item: Item, part: Item) -> Iterator[StreamEvent]:
        self._open, self._text = item["type"], ""
        self._items.append(item)
        index = len(self._items) - 1
        yield _build_event("response.output_item.added", item=item, output_index=index)
        yield self._part_event("response.content_part.added", part=part)

    def _close_item(
        self, status: str = "completed", answer: GivenAnswer | None = None
    ) -> Iterator[StreamEvent]:
        if self._open is None:
            return
        item_id = self._items[-1]["id"]
        if self._open == "message":
            annotations = [build_citation(each) for each in answer.citations] if answer else []
            for number, each in enumerate(annotations):
                kind = "response.output_text.annotation.added"
                yield self._part_event(kind, annotation=each, annotation_index=number)
            yield self._part_event("response.output_text.done", text=self._text, logprobs=[])
            part = build_text_part(self._text, annotations)
        else:
            yield self._part_event("response.reasoning_text.done", text=self._text)
            part = {"type": "reasoning_text", "text": self._text}
        yield self._part_event("response.content_part.done", part=part)
        whole = self._items[-1] | {"id": item_id, "content": [part], "status": status}
        self._items[-1] = whole
        index = len(self._items) - 1
        yield _build_event("response.output_item.done", item=whole, output_index=index)
        self._open = None

    def _part_event(self, kind: str, **fields: Any) -> StreamEvent:
        place = {"item_id": self._items[-1]["id"], "output_index": len(self._items) - 1}
        return _build_event(kind, **place, content_index=0, **fields)

    def _number_event(self, event: StreamEvent) -> StreamEvent:
        event["sequence_number"] = self._number
        self._number += 1
        return event


def _build_event(kind: str, **fields: Any) -> StreamEvent:
    return {"type": kind, "sequence_number": 0} | fields
