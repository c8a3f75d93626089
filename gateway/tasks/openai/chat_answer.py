"""Chat completions, complete or streamed. The text comes from `protocol.transcript`."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.problems import Problem
from gateway.tasks.openai.results import (
    build_simulated_mark,
    get_answering_model,
    get_finish_reason,
    read_given_answer,
    was_filtered,
)
from gateway.tasks.task_run import TaskRun, require_completed
from protocol.records import Task
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

Chunk = dict[str, Any]

TEXT_BREAK: Final = "\n\n"
"""Sent between a comment before calls of COGO's tools and what follows it."""


def build_completion(task: Task, *, model: str) -> dict[str, Any]:
    """Build the complete answer. Raise Problem if it has neither text nor calls."""
    answer = read_given_answer(task)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text or None,
        "refusal": None,
    }
    if answer.tool_calls:
        message["tool_calls"] = _build_calls(answer.tool_calls)
    if answer.citations:
        message["annotations"] = [_build_annotation(each) for each in answer.citations]
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    return {
        "id": f"chatcmpl-{task.id.hex}",
        "object": "chat.completion",
        "created": int(task.created_at.timestamp()),
        "model": get_answering_model(task, asked=model),
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": get_finish_reason(task),
            }
        ],
        "usage": build_usage(task),
        **build_simulated_mark(task),
    }


class ChunkStream:
    """The chunks of one answer.

    Text is sent as it arrives; what a model says before it calls COGO's tools, too. JSON that must
    follow a schema is sent when it has been checked, because this format cannot withdraw what a
    second try replaces.
    """

    def __init__(
        self, run: TaskRun, *, model: str, with_usage: bool, holds_text: bool = False
    ) -> None:
        self._run = run
        self._with_usage = with_usage
        self._holds_text = holds_text
        self._has_sent = False
        self._text = ""
        """What was sent of the last turn."""
        self._is_aside = False
        """Whether it was no answer, but said before a call of one of COGO's tools."""
        self._base = {
            "id": f"chatcmpl-{run.task_id.hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }

    async def read(self) -> AsyncIterator[Chunk | None]:
        """Yield the answer as it arrives, and None at each heartbeat.

        Raise Problem if the task fails or has no answer, and if an attempt ends after some text
        was sent: this format cannot retract text. An answer that a content filter cut off ends
        normally. Nothing is yielded before the task is known to be answered or a heartbeat is due.
        """
        has_begun = False
        async for update in self._run.updates():
            chunks = [None] if update is None else list(self._build_chunks(update))
            if chunks and not has_begun:
                has_begun = True
                yield self._chunk({"role": "assistant", "content": ""})
            for chunk in chunks:
                yield chunk

    def _build_chunks(self, update: TaskUpdate) -> Iterator[Chunk]:
        match update:
            case TaskEnded():
                yield from self._build_end(update.task)
            case TranscriptDelta(kind="text"):
                if not self._holds_text:
                    yield self._chunk_text(update.delta)
            case TranscriptDelta():
                yield self._chunk({"reasoning_content": update.delta})
            case TranscriptAside():
                self._is_aside = True
            case TranscriptReset() if self._text and not self._is_aside:
                raise refuse_retraction()

    def _build_end(self, task: Task) -> Iterator[Chunk]:
        if not (self._has_sent and was_filtered(task)):
            answer = read_given_answer(require_completed(task))
            said = "" if self._is_aside else self._text
            if answer.text != self._text and answer.text.startswith(said):
                yield self._chunk_text(answer.text.removeprefix(said))
            for number, call in enumerate(_build_calls(answer.tool_calls)):
                yield self._chunk({"tool_calls": [{"index": number, **call}]})
            if answer.citations:
                annotations = [_build_annotation(each) for each in answer.citations]
                yield self._chunk({"annotations": annotations})
        yield self._chunk({}, get_finish_reason(task)) | build_simulated_mark(task)
        if self._with_usage:
            yield self._base | {"choices": [], "usage": build_usage(task)}

    def _chunk_text(self, delta: str) -> Chunk:
        gap = TEXT_BREAK if self._is_aside and self._has_sent else ""
        if self._is_aside:
            self._is_aside, self._text = False, ""
        self._text += delta
        self._has_sent = True
        return self._chunk({"content": gap + delta})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> Chunk:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._base | {"choices": [choice]}


def build_usage(task: Task) -> dict[str, Any]:
    """Build the usage of all attempts, as the vendor counted the tokens."""
    prompt = task.input_tokens + task.cached_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": task.output_tokens,
        "total_tokens": prompt + task.output_tokens,
        "prompt_tokens_details": {"cached_tokens": task.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": task.reasoning_tokens},
    }


def refuse_retraction() -> Problem:
    """Build the error of a stream whose text is no longer valid."""
    return Problem(
        502,
        "attempt_failed",
        "an attempt failed after it had sent text, and this format cannot withdraw text",
        hint="ask again, or watch GET /tasks/{id}/events, which can",
    )


def _build_calls(calls: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "id": each["id"],
            "type": "function",
            "function": {"name": each["name"], "arguments": each["arguments"]},
        }
        for each in calls
    ]


def _build_annotation(citation: Mapping[str, Any]) -> dict[str, Any]:
    url = str(citation.get("url") or "")
    place = {"url": url, "title": str(citation.get("title") or url)}
    return {"type": "url_citation", "url_citation": place | {"start_index": 0, "end_index": 0}}
