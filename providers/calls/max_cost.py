"""The maximum cost of a call, which spend caps reserve before the call."""

from decimal import Decimal
from typing import Final

from providers.calls.prepare import VendorRequest
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS, AdapterKind, Model
from providers.chat import Attachment, TokenUsage
from providers.prices import calculate_cost

UNLIMITED_ANSWER: Final = 32_768
"""Output tokens to assume if neither request, adapter nor catalogue sets a limit."""
IMAGE_TOKENS: Final = 12_000
"""Tokens of the largest images at their full resolution."""
PDF_TOKENS: Final = 300_000
"""Tokens of about a hundred pages as text and images, which is the most that vendors take."""
MOST_SEARCHES: Final = 5
FOUND_TOKENS: Final = 10_000
"""Tokens of what one search finds."""
FRAME_TOKENS: Final = 1_024
"""Tokens that vendors add to a prompt: roles, separators, instructions for tools."""


def max_cost_usd(request: VendorRequest, deployment: Deployment) -> Decimal | None:
    """Return an upper bound in US dollars, None if no price is known.

    The prompt counts as one token per byte, since no tokenizer produces more, files with the most
    that vendors make of them, and the answer with its maximum length. Some vendors charge more for
    a prompt that they write to a cache. What a vendor's search finds becomes part of the prompt.
    """
    web_searches = MOST_SEARCHES if request.web_search else 0
    searches = web_searches + request.search_units
    prompt = FRAME_TOKENS + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in request.iter_texts()
    )
    prompt += sum(map(_limit_file, request.iter_files())) + web_searches * FOUND_TOKENS
    answer = request.max_output_tokens
    if answer is None:
        answer = get_longest_answer(deployment.host.adapter, deployment.model)
    costs = [
        calculate_cost(usage, deployment)
        for usage in (
            TokenUsage(input=prompt, output=answer, searches=searches),
            TokenUsage(cache_write=prompt, output=answer, searches=searches),
        )
    ]
    known = [cost.usd for cost in costs if cost is not None]
    return max(known) if len(known) == len(costs) else None


def get_longest_answer(adapter: AdapterKind, model: Model) -> int:
    """Return the most output tokens of a request that sets no limit."""
    return DEFAULT_OUTPUT_TOKENS.get(adapter) or model.max_output_tokens or UNLIMITED_ANSWER


def _limit_file(attachment: Attachment) -> int:
    if attachment.is_image:
        return IMAGE_TOKENS
    return PDF_TOKENS if attachment.data is None else min(len(attachment.data), PDF_TOKENS)
