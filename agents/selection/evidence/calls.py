"""Calls of tools: how many of a model's are expected to be rejected, and to end the work."""

from collections.abc import Mapping
from typing import Final

from agents.selection.evidence.observations import Observed
from agents.selection.evidence.priors import TEXT_CALLS_FAIL, TEXT_CALLS_REJECTED

MASS: Final = 10.0
"""Attempts with calls of tools that weigh as much as what is expected without any."""


def expect_failed_calls(
    seen: Mapping[str, Observed], kind: str, *, writes_text: bool = False
) -> float:
    """Return the share of tasks with tools at which a model is expected to fail by its calls.

    `seen` are its outcomes by kind of work. Those at this kind are in the quality that is expected
    there, so only the others count. `writes_text` says that it writes its calls as text.
    """
    others = [each for name, each in seen.items() if name != kind]
    called = sum(each.called for each in others)
    failed = sum(min(each.calls_failed, each.called) for each in others)
    guess = TEXT_CALLS_FAIL if writes_text else 0.0
    return (failed + guess * MASS) / (called + MASS)


def expect_rejected_calls(seen: Mapping[str, Observed], *, writes_text: bool = False) -> float:
    """Return the share of a model's calls that are expected to be rejected, at any work."""
    called = sum(each.called for each in seen.values())
    rejected = sum(min(each.calls_rejected, each.called) for each in seen.values())
    guess = TEXT_CALLS_REJECTED if writes_text else 0.0
    return (rejected + guess * MASS) / (called + MASS)
