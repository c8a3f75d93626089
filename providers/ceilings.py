"""The most that a call can cost: what a spend cap must reserve before it."""

import json
from decimal import Decimal
from typing import Final

from providers.answer_limits import SENT
from providers.chat import ChatRequest, Usage
from providers.deployment import Deployment
from providers.prices import cost_of

__all__ = ["most_usd"]

UNLIMITED_ANSWER: Final = 32_768
"""Tokens of an answer where neither the request nor the adapter nor the catalogue sets a limit."""
FRAME_TOKENS: Final = 1_024
"""What vendors put around a prompt: roles, separators, their instructions for tools."""


def most_usd(request: ChatRequest, deployment: Deployment) -> Decimal | None:
    """An upper bound in US dollars, None where no price is known.

    No tokenizer makes more tokens than bytes, so the prompt counts by its bytes; the answer counts
    as long as it may get. Vendors charge some prompts more for writing them to a cache.
    """
    prompt = _bytes(request) + FRAME_TOKENS
    answer = (
        request.max_output_tokens
        or SENT.get(deployment.host.adapter)
        or deployment.model.max_output_tokens
        or UNLIMITED_ANSWER
    )
    bounds = [
        cost_of(usage, deployment)
        for usage in (
            Usage(input=prompt, output=answer),
            Usage(cache_write=prompt, output=answer),
        )
    ]
    known = [cost.usd for cost in bounds if cost is not None]
    return max(known) if len(known) == len(bounds) else None


def _bytes(request: ChatRequest) -> int:
    texts = [request.system or "", json.dumps(request.response_schema or {})]
    texts += [message.content for message in request.messages]
    texts += [call.name + call.arguments for each in request.messages for call in each.tool_calls]
    texts += [t.name + t.description + json.dumps(t.parameters) for t in request.tools]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
