"""Which models are set aside while another one may be taken: unwise, but not forbidden.

Unlike a hard constraint it does not hold against the person's own model, nor where everything that
is left is set aside: a task rather waits for a vendor that is down than fails.
"""

from collections.abc import Callable
from typing import Final

from agents.selection.bounds import Bounds
from agents.selection.cards import Card
from agents.selection.estimates import Estimate
from agents.selection.priors import capability_for
from agents.selection.requirements import MANY_TOOL_CALLS

Setback = Callable[[Card, Estimate, Bounds], str | None]


def unwell(_card: Card, estimate: Estimate, _bounds: Bounds) -> str | None:
    """Its circuit is open."""
    return "it is not answering now" if estimate.health == "open" else None


def unfit(card: Card, _estimate: Estimate, bounds: Bounds) -> str | None:
    """Known for other work only. Nothing is held against a model of which nothing is known."""
    wanted = capability_for(bounds.wanted.needs)
    if not card.capabilities or wanted in card.capabilities:
        return None
    return f"it is not meant for {wanted}"


def offline(card: Card, _estimate: Estimate, bounds: Bounds) -> str | None:
    """Knows nothing of today."""
    if bounds.wanted.needs.web and "web-search" not in card.capabilities:
        return "the task needs current events and it does not search the web"
    return None


def without_tools(card: Card, _estimate: Estimate, bounds: Bounds) -> str | None:
    """Takes no tools by itself."""
    if bounds.wanted.needs.tool_calls and card.tools is False:
        return "the task calls tools and it takes none"
    return None


def local_for_hard_work(card: Card, _estimate: Estimate, bounds: Bounds) -> str | None:
    """Small models on this machine lose the thread of long chains, and are right less often."""
    if not card.is_local:
        return None
    needs = bounds.wanted.needs
    if needs.tool_calls >= MANY_TOOL_CALLS:
        return f"it runs on this machine and {needs.tool_calls} calls of tools build on each other"
    if needs.asks_for_accuracy:
        return "it runs on this machine and the task asks for accuracy"
    return None


def too_slow(_card: Card, estimate: Estimate, bounds: Bounds) -> str | None:
    """Measured to take longer than there is; a guess holds nothing against anybody."""
    left = bounds.wanted.seconds_left
    if left is None or not estimate.is_measured or estimate.total_s <= left:
        return None
    return f"it usually takes {estimate.total_s:.0f} s and the deadline is in {max(left, 0):.0f} s"


SOFT: Final[tuple[Setback, ...]] = (
    unwell,
    unfit,
    offline,
    without_tools,
    local_for_hard_work,
    too_slow,
)


def setback(card: Card, estimate: Estimate, bounds: Bounds) -> str | None:
    """Give the first reason for which the model is set aside."""
    for each in SOFT:
        reason = each(card, estimate, bounds)
        if reason is not None:
            return reason
    return None
