"""Which models are set aside while another one may be taken: unwise, but not forbidden.

They are written like the constraints. Unlike those they do not hold against the person's own model,
nor where everything that is left is set aside: a task rather waits for a vendor that is down than
fails.
"""

from typing import Final

from agents.selection.constraints.hard import Constraint, Test
from agents.selection.evidence.estimates import Estimate
from agents.selection.evidence.priors import capability_for
from agents.selection.limits import Limits
from agents.selection.model_profiles import ModelProfile
from agents.selection.requirements import MANY_TOOL_CALLS


def circuit_open(bounds: Limits) -> Test | None:
    """Its circuit is open."""
    if not bounds.forecaster.observations.health:
        return None

    def test(_: ModelProfile, estimate: Estimate) -> str | None:
        return "it is not answering now" if estimate.outlook.health == "open" else None

    return test


def drained(bounds: Limits) -> Test | None:
    """Operators want no new work on it."""
    known = bounds.standing.drained

    def test(card: ModelProfile, _: Estimate) -> str | None:
        why = known.get(card.model_id) or known.get(card.provider)
        return None if why is None else f"the operators drain it ({why})"

    return test if known else None


def not_for_task_type(bounds: Limits) -> Test | None:
    """Known for other work only. Nothing is held against a model of which nothing is known."""
    wanted = capability_for(bounds.wanted.needs)

    def test(card: ModelProfile, _: Estimate) -> str | None:
        known = card.capabilities
        return None if not known or wanted in known else f"it is not meant for {wanted}"

    return test


def no_web_search(bounds: Limits) -> Test | None:
    """Knows nothing of today."""

    def test(card: ModelProfile, _: Estimate) -> str | None:
        if "web-search" in card.capabilities:
            return None
        return "the task needs current events and it does not search the web"

    return test if bounds.wanted.needs.web else None


def local_for_hard_work(bounds: Limits) -> Test | None:
    """Small models on this machine lose the thread of long chains, and are right less often."""
    needs = bounds.wanted.needs
    if needs.tool_calls >= MANY_TOOL_CALLS:
        why = f"it runs on this machine and {needs.tool_calls} calls of tools build on each other"
    elif needs.asks_for_accuracy:
        why = "it runs on this machine and the task asks for accuracy"
    else:
        return None

    def test(card: ModelProfile, _: Estimate) -> str | None:
        return why if card.is_local else None

    return test


def too_slow(bounds: Limits) -> Test | None:
    """Measured to take longer than there is; a guess holds nothing against anybody."""
    left = bounds.wanted.seconds_left
    if left is None:
        return None

    def test(_: ModelProfile, estimate: Estimate) -> str | None:
        takes = estimate.outlook.total_s
        if not estimate.outlook.is_measured or takes <= left:
            return None
        return f"it usually takes {takes:.0f} s and the deadline is in {max(left, 0):.0f} s"

    return test


SOFT: Final[tuple[Constraint, ...]] = (
    drained,
    circuit_open,
    not_for_task_type,
    no_web_search,
    local_for_hard_work,
    too_slow,
)
