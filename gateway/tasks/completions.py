"""Answers in OpenAI's format, complete or streamed. The text comes from `protocol.transcript`."""

import time
from collections.abc import AsyncIterator
from typing import Any

from gateway.problems import Problem
from gateway.tasks.task_run import (
    TaskRun,
    is_simulated,
    require_completed,
    require_result_text,
)
from protocol.records import Task
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta, TranscriptReset

Chunk = dict[str, Any]


def build_completion(task: Task, *, model: str) -> dict[str, Any]:
    """Build the complete answer. Raise Problem if it has no text."""
    message: dict[str, Any] = {"role": "assistant", "content": require_result_text(task)}
    result = task.result or {}
    if result.get("reasoning_content"):
        message["reasoning_content"] = result["reasoning_content"]
    return {
        "id": f"chatcmpl-{task.id.hex}",
        "object": "chat.completion",
        "created": int(task.created_at.timestamp()),
        "model": result.get("model_used") or model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": get_finish_reason(task),
            }
        ],
        "usage": build_usage(task),
        **_build_simulated_mark(task),
    }


async def stream_chunks(
    run: TaskRun, *, model: str, with_usage: bool
) -> AsyncIterator[Chunk | None]:
    """Yield the answer as it arrives, and None at each heartbeat.

    Raise Problem if the task fails or has no text, and if an attempt ends after some text was sent:
    this format cannot retract text. An answer that a content filter cut off ends normally.
    """
    base = {
        "id": f"chatcmpl-{run.task_id.hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    yield base | {"choices": [_build_choice({"role": "assistant", "content": ""})]}
    has_text = False
    async for update in run.updates():
        if update is None:
            yield None
        elif isinstance(update, TaskEnded):
            task = update.task
            if not (has_text and _was_filtered(task)):
                require_result_text(require_completed(task))
            end = _build_choice({}, get_finish_reason(task))
            yield base | {"choices": [end]} | _build_simulated_mark(task)
            if with_usage:
                yield base | {"choices": [], "usage": build_usage(task)}
        elif (delta := _build_delta(update)) is not None:
            has_text = has_text or "content" in delta
            yield base | {"choices": [_build_choice(delta)]}


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


def get_finish_reason(task: Task) -> str:
    """Return why the answer ended, in OpenAI's terms.

    Any other reason of a completed task is COGO's own, and the answer is complete.
    """
    if _was_filtered(task):
        return "content_filter"
    found = (task.result or {}).get("finish_reason")
    return found if found in {"length", "tool_calls"} else "stop"


def _was_filtered(task: Task) -> bool:
    reasons = (task.result or {}).get("finish_reason"), (task.error or {}).get("class")
    return bool({"content_filter", "content_filtered"} & {str(each) for each in reasons})


def _build_simulated_mark(task: Task) -> dict[str, bool]:
    return {"simulated": True} if is_simulated(task) else {}


def _build_delta(update: TaskUpdate) -> dict[str, str] | None:
    match update:
        case TranscriptDelta(kind="text"):
            return {"content": update.delta}
        case TranscriptDelta():
            return {"reasoning_content": update.delta}
        case TranscriptReset():
            raise Problem(
                502,
                "attempt_failed",
                "an attempt failed after it had sent text, and this format cannot withdraw text",
                hint="ask again, or watch GET /tasks/{id}/events, which can",
            )
    return None


def _build_choice(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
