"""The most that a call can cost: what a spend cap must reserve before it."""

from decimal import Decimal
from typing import Final

from providers.adapters.output_limits import SENT
from providers.calls.prepare import VendorRequest
from providers.catalogue.deployment import Deployment
from providers.chat import Usage
from providers.prices import cost_of

__all__ = ["most_usd"]

UNLIMITED_ANSWER: Final = 32_768
"""Tokens of an answer where neither the request nor the adapter nor the catalogue sets a limit."""
FRAME_TOKENS: Final = 1_024
"""What vendors put around a prompt: roles, separators, their instructions for tools."""


def most_usd(request: VendorRequest, deployment: Deployment) -> Decimal | None:
    """An upper bound in US dollars, None where no price is known.

    No tokenizer makes more tokens than bytes, so the prompt counts by its bytes; the answer counts
    as long as it may get. Vendors charge some prompts more for writing them to a cache.
    """
    prompt = FRAME_TOKENS + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in request.reads()
    )
    answer = request.max_output_tokens
    if answer is None:
        answer = (
            SENT.get(deployment.host.adapter)
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
