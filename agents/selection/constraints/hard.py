"""Which models may not be taken at all.

A constraint looks at the question once and gives a test, or None when it holds for every model; the
test gives the reason for which it refuses a model, or None. To add one, write it and put it into
`HARD`: it binds every policy, the person's own model, and whatever stands in after a failure. What
is only unwise belongs into `setbacks`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from agents.selection.evidence.estimates import Estimate
from agents.selection.evidence.tokens import LEAST_ANSWER
from agents.selection.limits import Limits
from agents.selection.model_profiles import ModelProfile
from providers.catalogue.data_policy import model_objection

Test = Callable[[ModelProfile, Estimate], str | None]
Constraint = Callable[[Limits], Test | None]

_SEES: Final = {"image": "vision", "audio": "audio", "video": "video"}
"""The capability that each modality calls for."""


def failed(bounds: Limits) -> Test | None:
    """No model twice: the same subtask would go in circles."""
    known = bounds.wanted.failed

    def test(card: ModelProfile, _: Estimate) -> str | None:
        how = known.get(card.model_id)
        return None if how is None else f"it failed at this subtask already ({how})"

    return test if known else None


def barred(bounds: Limits) -> Test | None:
    """What the operators took out."""
    known = bounds.standing.barred

    def test(card: ModelProfile, _: Estimate) -> str | None:
        why = known.get(card.model_id) or known.get(card.provider)
        return None if why is None else f"the operators took it out ({why})"

    return test if known else None


def denied(bounds: Limits) -> Test | None:
    """What the person does not want."""
    models, providers = bounds.denied, bounds.wanted.preferences.denied_providers

    def test(card: ModelProfile, _: Estimate) -> str | None:
        is_denied = card.model_id in models or card.provider in providers
        return "the task's preferences deny it" if is_denied else None

    return test if models or providers else None


def not_allowed(bounds: Limits) -> Test | None:
    """What the person did not name, once anything is named."""
    models, providers = bounds.allowed, bounds.wanted.preferences.allowed_providers

    def test(card: ModelProfile, _: Estimate) -> str | None:
        if models is not None and card.model_id not in models:
            return "the task's preferences allow other models only"
        if providers and card.provider not in providers:
            return "the task's preferences allow other providers only"
        return None

    return None if models is None and not providers else test


def granted(bounds: Limits) -> Test | None:
    """What operators let the owner use; the database holds every stamp to it as well."""
    grants = bounds.wanted.grants

    def test(card: ModelProfile, _: Estimate) -> str | None:
        if grants is None or card.model_id in grants.models or card.provider in grants.providers:
            return None
        return "it is not granted to the task's owner"

    return None if grants is None else test


def data_policy(bounds: Limits) -> Test | None:
    """Where the prompt may go. Unknown is not a promise."""
    rules = bounds.wanted.preferences.data_policy

    def test(card: ModelProfile, _: Estimate) -> str | None:
        return model_objection(rules, card.hosts)

    return test if rules else None


def window(bounds: Limits) -> Test | None:
    """Prompt and answer must fit; an unknown window is tried."""
    tokens = bounds.input_tokens + LEAST_ANSWER

    def test(card: ModelProfile, _: Estimate) -> str | None:
        holds = card.context_window
        if holds is None or tokens <= holds:
            return None
        return f"the prompt has about {tokens} tokens and its window holds {holds}"

    return test


def modality(bounds: Limits) -> Test | None:
    """A model that cannot see a picture cannot answer for it."""
    needed = {_SEES[each]: each for each in bounds.wanted.needs.modalities if each in _SEES}

    def test(card: ModelProfile, _: Estimate) -> str | None:
        for capability, each in needed.items():
            if capability not in card.capabilities:
                return f"it is not known to take {each}"
        return None

    return test if needed else None


def without_tools(bounds: Limits) -> Test | None:
    """A vendor refuses a request whose tools the model does not take."""

    def test(card: ModelProfile, _: Estimate) -> str | None:
        return "the task calls tools and it takes none" if card.tools is False else None

    return test if bounds.wanted.needs.tool_calls else None


def budget(bounds: Limits) -> Test | None:
    """The expected cost must fit into what is left; an unknown price fits into no budget."""
    left = bounds.wanted.budget_usd

    def test(_: ModelProfile, estimate: Estimate) -> str | None:
        cost = estimate.cost_usd
        if cost is None:
            return "its price is not known and the task has a budget"
        if left is not None and cost > left:
            return f"it would cost about ${cost:.4f} and ${max(left, 0):.4f} of the budget are left"
        return None

    return None if left is None else test


HARD: Final[tuple[Constraint, ...]] = (
    failed,
    barred,
    denied,
    not_allowed,
    granted,
    data_policy,
    window,
    modality,
    without_tools,
    budget,
)


def tests_of(constraints: Sequence[Constraint], bounds: Limits) -> list[Test]:
    """Give the tests that may refuse anybody at this question."""
    return [test for each in constraints if (test := each(bounds)) is not None]


def first_reason(tests: Sequence[Test], card: ModelProfile, estimate: Estimate) -> str | None:
    """Give the reason of the first test that a model does not pass."""
    for test in tests:
        reason = test(card, estimate)
        if reason is not None:
            return reason
    return None
