"""Which models may not be taken at all. A constraint gives its reason, or None.

To add one, write it and put it into `HARD`: it holds for every policy, for the person's own model,
and for whatever stands in after a failure. What is only unwise belongs into `setbacks`.
"""

from collections.abc import Callable
from typing import Final

from agents.selection.bounds import Bounds
from agents.selection.cards import Card
from agents.selection.tokens import LEAST_ANSWER
from providers.data_policy import model_objection

Constraint = Callable[[Card, Bounds], str | None]

_SEES: Final = {"image": "vision", "audio": "audio", "video": "video"}
"""The capability that each modality calls for."""


def failed(card: Card, bounds: Bounds) -> str | None:
    """No model twice: the same subtask would go in circles."""
    how = bounds.wanted.failed.get(card.model_id)
    return None if how is None else f"it failed at this subtask already ({how})"


def barred(card: Card, bounds: Bounds) -> str | None:
    """What the operators took out."""
    why = bounds.barred.get(card.model_id) or bounds.barred.get(card.provider)
    return None if why is None else f"the operators took it out ({why})"


def denied(card: Card, bounds: Bounds) -> str | None:
    """What the person does not want."""
    wishes = bounds.wanted.preferences
    if card.model_id in bounds.denied or card.provider in wishes.denied_providers:
        return "the task's preferences deny it"
    return None


def not_allowed(card: Card, bounds: Bounds) -> str | None:
    """What the person did not name, once anything is named."""
    providers = bounds.wanted.preferences.allowed_providers
    if bounds.allowed is not None and card.model_id not in bounds.allowed:
        return "the task's preferences allow other models only"
    if providers and card.provider not in providers:
        return "the task's preferences allow other providers only"
    return None


def data_policy(card: Card, bounds: Bounds) -> str | None:
    """Where the prompt may go. Unknown is not a promise."""
    return model_objection(bounds.wanted.preferences.data_policy, card.hosts)


def window(card: Card, bounds: Bounds) -> str | None:
    """Prompt and answer must fit; an unknown window is tried."""
    tokens = bounds.input_tokens + LEAST_ANSWER
    if card.context_window is not None and tokens > card.context_window:
        return f"the prompt has about {tokens} tokens and its window holds {card.context_window}"
    return None


def modality(card: Card, bounds: Bounds) -> str | None:
    """A model that cannot see a picture cannot answer for it."""
    for each in bounds.wanted.needs.modalities:
        wanted = _SEES.get(each)
        if wanted is not None and wanted not in card.capabilities:
            return f"it is not known to take {each}"
    return None


def budget(card: Card, bounds: Bounds) -> str | None:
    """The expected cost must fit into what is left; an unknown price fits into no budget."""
    left = bounds.wanted.budget_usd
    if left is None:
        return None
    cost = bounds.estimate(card).cost_usd
    if cost is None:
        return "its price is not known and the task has a budget"
    if cost > left:
        return f"it would cost about ${cost:.4f} and ${max(left, 0):.4f} of the budget are left"
    return None


HARD: Final[tuple[Constraint, ...]] = (
    failed,
    barred,
    denied,
    not_allowed,
    data_policy,
    window,
    modality,
    budget,
)


def refusal(card: Card, bounds: Bounds) -> str | None:
    """Give the first constraint that the model breaks."""
    for constraint in HARD:
        reason = constraint(card, bounds)
        if reason is not None:
            return reason
    return None
