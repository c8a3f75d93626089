"""The maximum cost of a call, which spend caps reserve before the call."""

from decimal import Decimal
from typing import Final

from providers.calls.prepare import VendorRequest
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS
from providers.chat import TokenUsage
from providers.prices import calculate_cost

UNLIMITED_ANSWER: Final = 32_768
"""Output tokens to assume if neither request, adapter nor catalogue sets a limit."""
FRAME_TOKENS: Final = 1_024
"""Tokens that vendors add to a prompt: roles, separators, instructions for tools."""


def max_cost_usd(request: VendorRequest, deployment: Deployment) -> Decimal | None:
    """Return an upper bound in US dollars, None if no price is known.

    The prompt counts as one token per byte, since no tokenizer produces more, and the answer with
    its maximum length. Some vendors charge more for a prompt that they write to a cache.
    """
    prompt = FRAME_TOKENS + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in request.iter_texts()
    )
    answer = request.max_output_tokens
    if answer is None:
        answer = (
            DEFAULT_OUTPUT_TOKENS.get(deployment.host.adapter)
            or deployment.model.max_output_tokens
            or UNLIMITED_ANSWER
        )
    costs = [
        calculate_cost(usage, deployment)
        for usage in (
            TokenUsage(input=prompt, output=answer),
            TokenUsage(cache_write=prompt, output=answer),
        )
    ]
    known = [cost.usd for cost in costs if cost is not None]
    return max(known) if len(known) == len(costs) else None
