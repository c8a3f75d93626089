"""The events of a response, in the order and with the numbers that OpenAI documents.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from gateway.problems import Problem, format_sentence
from gateway.tasks.openai.chat_answer import TEXT_BREAK, refuse_retraction
from gateway.tasks.openai.responses.answer import (
    COMMENTARY,
    Item,
    build_citation,
    build_empty_response,
    build_message_item,
    build_reasoning,
    build_response,
    build_text_part,
    find_encrypted,
    get_phase,
    is_reasoning_due,
    list_calls,
)
from gateway.tasks.openai.responses.tool_items import (
    ToolCallKey,
    build_tool_item,
    get_call_key,
    has_ended,
)
from gateway.tasks.openai.results import GivenAnswer, has_schema, read_given_answer, was_filtered
from gateway.tasks.task_run import TaskRun, require_completed
from protocol.records import Task
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

StreamEvent = dict[str, Any]


class ResponseStream:
    """The events of one response: reasoning, text and COGO's tools, then the caller's calls.

    Text is sent as it arrives; JSON that must follow a schema when it has been checked. Text before
    calls of COGO's tools is an item of its own, a comment.
    """

    def __init__(self, run: TaskRun, task: Task) -> None:
        self._run = run
        self._task = task
        self._name = task.id.hex
        self._holds_text = has_schema(task)
        self._number = 0
        self._items: list[Item] = []
        self._open: int | None = None
        """Index of the message or the reasoning that is being sent."""
        self._text = ""
        self._last_said = ""
        """Text of the last comment that was sent."""
        self._tools: dict[ToolCallKey, int] = {}
        """Indexes of calls of COGO's tools."""

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

    @property
    def _open_type(self) -> str | None:
        return None if self._open is None else str(self._items[self._open]["type"])

    def _build_events(self, update: TaskUpdate) -> Iterator[StreamEvent]:
        match update:
            case TaskEnded():
                yield from self._end(update.task)
            case TranscriptDelta(kind="text"):
                if not self._holds_text:
                    yield from self._add_text(update.delta)
            case TranscriptDelta():
                if self._open_type != "message":  # a turn has its reasoning before its text
                    yield from self._add_reasoning(update.delta)
            case TranscriptAside() if self._open_type == "message":
                self._last_said = self._text
                yield from self._add_text(TEXT_BREAK)  # clients join the texts of all messages
                yield from self._close_item(phase=COMMENTARY)
            case ToolCallUpdate() if update.is_answer:
                yield from self._show_tool(update)
            case TranscriptReset() if self._open_type == "message":
                raise refuse_retraction()
            case TranscriptReset():
                yield from self._close_item()

    def _end(self, task: Task) -> Iterator[StreamEvent]:
        if self._items and was_filtered(task):
            yield from self._close_tools()
            yield from self._close_item("incomplete")
            body = build_response(task, self._items) | {"status": "incomplete", "error": None}
            body |= {"output": self._items, "incomplete_details": {"reason": "content_filter"}}
            yield _build_event("response.incomplete", response=body)
            return
        answer = read_given_answer(require_completed(task))
        body = build_response(task, [])
        status = body["status"]
        said = self._text if self._open_type == "message" else ""
        if answer.text.startswith(said) and answer.text not in {said, self._last_said}:
            yield from self._add_text(answer.text.removeprefix(said))
        yield from self._close_item(status, answer, phase=get_phase(answer))
        yield from self._close_tools()
        if is_reasoning_due(task, answer) and self._count("reasoning") == 0:
            encrypted = find_encrypted(task)
            yield from self._add_whole(build_reasoning(self._name, "", encrypted=encrypted))
        for item in list_calls(self._name, answer):
            yield from self._add_call(item)
        yield _build_event(f"response.{status}", response=body | {"output": self._items})

    def _add_text(self, delta: str) -> Iterator[StreamEvent]:
        if self._open_type != "message":
            yield from self._close_item()
            item = build_message_item(self._build_name("message"), "", status="in_progress")
            yield from self._open_item(item | {"content": []}, build_text_part(""))
        self._text += delta
        yield self._part_event("response.output_text.delta", delta=delta, logprobs=[])

    def _add_reasoning(self, delta: str) -> Iterator[StreamEvent]:
        if self._open_type != "reasoning":
            item = build_reasoning(
                self._build_name("reasoning"),
                "",
                status="in_progress",
                encrypted=find_encrypted(self._task),
            )
            yield from self._open_item(item, {"type": "reasoning_text", "text": ""})
        self._text += delta
        yield self._part_event("response.reasoning_text.delta", delta=delta)

    def _build_name(self, kind: str) -> str:
        """Return what is in the id of the next item of a type; the first has the response's own."""
        count = self._count(kind)
        return f"{self._name}_{count}" if count else self._name

    def _count(self, kind: str) -> int:
        return sum(each["type"] == kind for each in self._items)

    def _show_tool(self, call: ToolCallUpdate) -> Iterator[StreamEvent]:
        """Yield the events of a call of ours: when it is first known, and when it has ended."""
        index = self._tools.get(get_call_key(call))
        if index is None and call.rejected:
            return  # it may be a call of the caller's tool, which nobody is to run
        if index is None:
            if self._open_type == "reasoning":
                yield from self._close_item()
            index = self._tools[get_call_key(call)] = len(self._items)
            item = build_tool_item(call, f"mcp_{self._name}_{index}")
            begun = item | {"status": "in_progress", "output": None, "error": None}
            self._items.append(begun)
            place = {"item_id": item["id"], "output_index": index}
            unwritten = begun | {"arguments": ""}
            yield _build_event("response.output_item.added", item=unwritten, output_index=index)
            yield _build_event("response.mcp_call.in_progress", **place)
            kind = "response.mcp_call_arguments"
            yield _build_event(f"{kind}.delta", delta=item["arguments"], **place)
            yield _build_event(f"{kind}.done", arguments=item["arguments"], **place)
        before = self._items[index]
        if before["status"] == "in_progress" and has_ended(call):
            item = build_tool_item(call, before["id"]) | {"arguments": before["arguments"]}
            self._items[index] = item
            yield from self._end_tool(index, str(item["status"]))

    def _close_tools(self) -> Iterator[StreamEvent]:
        """End the calls whose end was not told."""
        for index in self._tools.values():
            if self._items[index]["status"] == "in_progress":
                self._items[index] = self._items[index] | {"status": "incomplete"}
                yield from self._end_tool(index, "failed")

    def _end_tool(self, index: int, kind: str) -> Iterator[StreamEvent]:
        item = self._items[index]
        yield _build_event(f"response.mcp_call.{kind}", item_id=item["id"], output_index=index)
        yield _build_event("response.output_item.done", item=item, output_index=index)

    def _add_whole(self, item: Item) -> Iterator[StreamEvent]:
        """Add an item that has no parts."""
        index = len(self._items)
        self._items.append(item)
        begun = item | {"status": "in_progress"}
        yield _build_event("response.output_item.added", item=begun, output_index=index)
        yield _build_event("response.output_item.done", item=item, output_index=index)

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
        self._open, self._text = len(self._items), ""
        self._items.append(item)
        yield _build_event("response.output_item.added", item=item, output_index=self._open)
        yield self._part_event("response.content_part.added", part=part)

    def _close_item(
        self,
        status: str = "completed",
        answer: GivenAnswer | None = None,
        *,
        phase: str | None = None,
    ) -> Iterator[StreamEvent]:
        if self._open is None:
            return
        whole = self._items[self._open] | {"status": status}
        if whole["type"] == "message":
            annotations = [build_citation(each) for each in answer.citations] if answer else []
            for number, each in enumerate(annotations):
                kind = "response.output_text.annotation.added"
                yield self._part_event(kind, annotation=each, annotation_index=number)
            yield self._part_event("response.output_text.done", text=self._text, logprobs=[])
            part = build_text_part(self._text, annotations)
            whole |= {"phase": phase}
        else:
            yield self._part_event("response.reasoning_text.done", text=self._text)
            part = {"type": "reasoning_text", "text": self._text}
        yield self._part_event("response.content_part.done", part=part)
        whole |= {"content": [part]}
        self._items[self._open] = whole
        yield _build_event("response.output_item.done", item=whole, output_index=self._open)
        self._open = None

    def _part_event(self, kind: str, **fields: Any) -> StreamEvent:
        index = self._open or 0
        place = {"item_id": self._items[index]["id"], "output_index": index}
        return _build_event(kind, **place, content_index=0, **fields)

    def _number_event(self, event: StreamEvent) -> StreamEvent:
        event["sequence_number"] = self._number
        self._number += 1
        return event


def _build_event(kind: str, **fields: Any) -> StreamEvent:
    return {"type": kind, "sequence_number": 0} | fields
