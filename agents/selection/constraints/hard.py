"""Hard constraints: models that must not be chosen.

A constraint looks at the request once and returns a test, or None if it holds for every model. The
test returns the reason to refuse a model, or None. To add a constraint, write it and add it to
`HARD`: it applies to every policy, the requested model, and retries after a failure. A reason that
should only exclude a model while others remain belongs in `constraints.soft`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from agents.selection.evidence.estimates import MIN_ANSWER_TOKENS, Estimate
from agents.selection.model_profiles import ModelProfile
from agents.selection.request import ResolvedRequest
from providers.catalogue.data_policy import find_model_objection
from providers.errors import ConnectionFailed

Test = Callable[[ModelProfile, Estimate], str | None]
Constraint = Callable[[ResolvedRequest], Test | None]

_NOUNS: Final = {"image": "images", "pdf": "PDF files"}
_WEB_SEARCH: Final = "web-search"


def refuse_failed(resolved: ResolvedRequest) -> Test | None:
    """Refuse models that failed at this subtask, so that none is tried again and again."""
    errors = resolved.request.failed

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        error = errors.get(profile.model_id)
        return None if error is None else f"it already failed at this subtask ({error})"

    return test if errors else None


def refuse_unreachable(resolved: ResolvedRequest) -> Test | None:
    """Refuse models of this machine's servers that could not be reached at this subtask.

    If no other provider may be asked, orchestrators choose the model that failed, and wait.
    """
    failed = resolved.request.failed.items()
    servers = {
        id_.partition("/")[0]: id_ for id_, error in failed if error == ConnectionFailed.code
    }

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        if not profile.is_local or profile.provider not in servers:
            return None
        return f"the server of {servers[profile.provider]} cannot be reached"

    return test if servers else None


def refuse_banned(resolved: ResolvedRequest) -> Test | None:
    """Refuse models that operators banned."""
    reasons = resolved.controls.banned

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        reason = reasons.get(profile.model_id) or reasons.get(profile.provider)
        return None if reason is None else f"operators banned it ({reason})"

    return test if reasons else None


def refuse_denied(resolved: ResolvedRequest) -> Test | None:
    """Refuse models that the preferences deny."""
    models, providers = resolved.denied, resolved.request.preferences.denied_providers

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        is_denied = profile.model_id in models or profile.provider in providers
        return "the task's preferences deny it" if is_denied else None

    return test if models or providers else None


def refuse_unlisted(resolved: ResolvedRequest) -> Test | None:
    """Refuse models that the lists of allowed models and providers do not contain."""
    models, providers = resolved.allowed, resolved.request.preferences.allowed_providers

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        if models is not None and profile.model_id not in models:
            return "the task's preferences allow other models only"
        if providers and profile.provider not in providers:
            return "the task's preferences allow other providers only"
        return None

    return None if models is None and not providers else test


def refuse_ungranted(resolved: ResolvedRequest) -> Test | None:
    """Refuse models not granted to the owner; the database also checks this at every stamp."""
    grants = resolved.request.grants

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        if grants is None:
            return None
        if profile.model_id in grants.models or profile.provider in grants.providers:
            return None
        return "it is not granted to the task's owner"

    return None if grants is None else test


def refuse_by_data_policy(resolved: ResolvedRequest) -> Test | None:
    """Refuse models whose providers are not known to comply with the data policy."""
    rules = resolved.data_policy

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        return find_model_objection(rules, profile.hosts, profile.known)

    return test if rules else None


def refuse_small_window(resolved: ResolvedRequest) -> Test | None:
    """Refuse models whose context window is too small; an unknown window passes."""
    tokens = resolved.input_tokens + MIN_ANSWER_TOKENS

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        window = profile.context_window
        if window is None or tokens <= window:
            return None
        return f"the prompt has about {tokens} tokens and its context window is {window}"

    return test


def refuse_without_modality(resolved: ResolvedRequest) -> Test | None:
    """Refuse models that do not read the task's images, PDF files, audio or video.

    One of which that is not known is not chosen either, unless the task asks for it.
    """
    needed = [each for each in resolved.request.needs.modalities if each != "text"]
    may_try = resolved.request.requested is not None

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        for each in needed:
            name = _NOUNS.get(each, each)
            if profile.inputs is not None and each not in profile.inputs:
                return f"the task has {name}, which it does not read"
            if profile.inputs is None and not may_try:
                return f"the task has {name}, which it is not known to read"
        return None

    return test if needed else None


def refuse_without_tools(resolved: ResolvedRequest) -> Test | None:
    """Refuse models without tools if the task calls some, which the vendor would reject."""

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        return "the task calls tools and it supports none" if profile.tools is False else None

    return test if resolved.request.needs.tool_calls else None


def refuse_without_web_search(resolved: ResolvedRequest) -> Test | None:
    """Refuse models that cannot search the web if the task has the tool `web_search`."""

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        can = _WEB_SEARCH in profile.capabilities
        return None if can else "the task searches the web and it cannot"

    return test if resolved.request.needs.web_search else None


def refuse_over_budget(resolved: ResolvedRequest) -> Test | None:
    """Refuse models whose expected cost exceeds the remaining budget, or is unknown."""
    left = resolved.request.budget_usd

    def test(_: ModelProfile, estimate: Estimate) -> str | None:
        cost = estimate.cost_usd
        if cost is None:
            return "its price is unknown and the task has a budget"
        if left is not None and cost > left:
            return f"it would cost about ${cost:.6f} and ${max(left, 0):.6f} of the budget is left"
        return None

    return None if left is None else test


HARD: Final[tuple[Constraint, ...]] = (
    refuse_failed,
    refuse_unreachable,
    refuse_banned,
    refuse_denied,
    refuse_unlisted,
    refuse_ungranted,
    refuse_by_data_policy,
    refuse_small_window,
    refuse_without_modality,
    refuse_without_tools,
    refuse_without_web_search,
    refuse_over_budget,
)


def build_tests(constraints: Sequence[Constraint], resolved: ResolvedRequest) -> list[Test]:
    """Return the tests of the constraints that apply to this request."""
    return [test for each in constraints if (test := each(resolved)) is not None]


def find_reason(tests: Sequence[Test], profile: ModelProfile, estimate: Estimate) -> str | None:
    """Return the reason of the first test that a model fails, or None."""
    for test in tests:
        reason = test(profile, estimate)
        if reason is not None:
            return reason
    return None
