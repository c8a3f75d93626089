"""Answers in OpenAI's format."""

import time
from collections.abc import AsyncIterator
from typing import Any

from gateway.problems import Problem
from gateway.streams.updates import Discarded, Ended, News, Said
from gateway.tasks.task_run import Inquiry, completed, is_simulated, spoken
from protocol.records import Task

Chunk = dict[str, Any]


def completion(task: Task, *, model: str) -> dict[str, Any]:
    """Return the whole answer. Raises Problem if it holds no text."""
    message: dict[str, Any] = {"role": "assistant", "content": spoken(task)}
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
                "finish_reason": finish_reason(task),
            }
        ],
        "usage": usage(task),
        **_simulated(task),
    }


async def chunks(asked: Inquiry, *, model: str, with_usage: bool) -> AsyncIterator[Chunk | None]:
    """Give the answer as it is said; None is a heartbeat.

    Raises Problem when the task fails or says nothing, also when an attempt ends after it has
    spoken: this format has no way to take words back. An answer that a filter cut off ends so.
    """
    base = {
        "id": f"chatcmpl-{asked.task_id.hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    yield base | {"choices": [_choice({"role": "assistant", "content": ""})]}
    has_spoken = False
    async for item in asked.news():
        if item is None:
            yield None
        elif isinstance(item, Ended):
            task = item.task
            if not (has_spoken and _was_filtered(task)):
                spoken(completed(task))
            yield base | {"choices": [_choice({}, finish_reason(task))]} | _simulated(task)
            if with_usage:
                yield base | {"choices": [], "usage": usage(task)}
        elif (delta := _delta(item)) is not None:
            has_spoken = has_spoken or "content" in delta
            yield base | {"choices": [_choice(delta)]}


def usage(task: Task) -> dict[str, Any]:
    """Give the tokens of all attempts, as the vendor counted them."""
    prompt = task.input_tokens + task.cached_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": task.output_tokens,
        "total_tokens": prompt + task.output_tokens,
        "prompt_tokens_details": {"cached_tokens": task.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": task.reasoning_tokens},
    }


def finish_reason(task: Task) -> str:
    """Return why the answer ended, as OpenAI names it.

    Any other reason of a completed task is one of ours, and the answer is whole.
    """
    if _was_filtered(task):
        return "content_filter"
    found = (task.result or {}).get("finish_reason")
    return found if found in {"length", "tool_calls"} else "stop"


def _was_filtered(task: Task) -> bool:
    said = (task.result or {}).get("finish_reason"), (task.error or {}).get("class")
    return bool({"content_filter", "content_filtered"} & {str(each) for each in said})


def _simulated(task: Task) -> dict[str, bool]:
    return {"simulated": True} if is_simulated(task) else {}


def _delta(item: News) -> dict[str, str] | None:
    match item:
        case Said(kind="text"):
            return {"content": item.delta}
        case Said():
            return {"reasoning_content": item.delta}
        case Discarded():
            raise Problem(
                502,
                "attempt_failed",
                "an attempt failed after it had begun to speak, and this format cannot take "
                "words back",
                hint="ask again, or watch GET /tasks/{id}/events, which can",
            )
    return None


def _choice(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
