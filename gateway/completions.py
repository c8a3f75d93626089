"""Answers in OpenAI's format."""

import time
from collections.abc import AsyncIterator
from typing import Any

from gateway.asking import Inquiry, completed, text_of
from gateway.problems import Problem
from gateway.streams.news import Discarded, Ended, News, Said
from protocol.records import Task

Chunk = dict[str, Any]


def completion(task: Task, *, model: str) -> dict[str, Any]:
    """Give the whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": text_of(task)}
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
    }


async def chunks(asked: Inquiry, *, model: str, with_usage: bool) -> AsyncIterator[Chunk | None]:
    """Give the answer as it is said; None is a heartbeat.

    Raises Problem when the task fails, also when an attempt ends after it has spoken: this format
    has no way to take words back.
    """
    base = {
        "id": f"chatcmpl-{asked.task_id.hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    yield base | {"choices": [_choice({"role": "assistant", "content": ""})]}
    async for item in asked.news():
        if item is None:
            yield None
        elif isinstance(item, Ended):
            task = completed(item.task)
            yield base | {"choices": [_choice({}, finish_reason(task))]}
            if with_usage:
                yield base | {"choices": [], "usage": usage(task)}
        elif (delta := _delta(item)) is not None:
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
    """Say why it ended: it was said, or the limit was reached."""
    return "length" if (task.result or {}).get("finish_reason") == "length" else "stop"


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
