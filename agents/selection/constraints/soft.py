"""Soft constraints: models that are set aside while another one is eligible.

They are written like the hard ones. They do not apply to the requested model, nor if they would set
aside every model: a task should wait for a vendor that is down instead of failing.
"""

from typing import Final

from agents.selection.constraints.hard import Constraint, Test
from agents.selection.evidence.estimates import Estimate
from agents.selection.evidence.priors import map_to_capability
from agents.selection.model_profiles import ModelProfile
from agents.selection.preferences import Preference
from agents.selection.request import ResolvedRequest
from agents.selection.requirements import MANY_TOOL_CALLS, MANY_TOOLS
from providers.calls.max_cost import FRAME_TOKENS
from providers.errors import BadToolCalls

MANY_REJECTED: Final = 0.15
"""The share of rejected calls from which a model calls tools poorly."""


def avoid_drained(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that operators drain."""
    reasons = resolved.controls.drained

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        reason = reasons.get(profile.model_id) or reasons.get(profile.provider)
        return None if reason is None else f"operators are draining it ({reason})"

    return test if reasons else None


def avoid_open_circuit(resolved: ResolvedRequest) -> Test | None:
    """Set aside models whose circuits are open."""
    if not resolved.forecaster.observations.health:
        return None

    def test(_: ModelProfile, estimate: Estimate) -> str | None:
        return "it is currently unavailable" if estimate.health == "open" else None

    return test


def avoid_for_task_type(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that are meant for other work; those without known capabilities pass."""
    needed = map_to_capability(resolved.request.needs)

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        known = profile.capabilities
        return None if not known or needed in known else f"it is not meant for {needed}"

    return test


def avoid_without_web_search(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that do not search the web unasked if the task needs current events."""

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        if any(host.web_search == "always" for host in profile.hosts):
            return None
        return "the task needs current events and it does not search the web"

    return test if resolved.request.needs.web else None


def avoid_without_sight(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that are not known to read images if the request is about one.

    If one came with the task, `refuse_without_modality` refuses them; here it was only mentioned,
    such as by its address.
    """

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        sees = profile.inputs is not None and "image" in profile.inputs
        return None if sees else "the request is about an image and it is not known to read any"

    return test if resolved.request.needs.kind == "vision" else None


def avoid_unforced(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that decide by themselves whether to call a tool if they must call one."""

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        if profile.forced_tools is not False:
            return None
        return "the task says which tool to call and it cannot be made to call one"

    return test if resolved.request.needs.forced_tools else None


def avoid_without_schemas(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that are not known to take a JSON Schema if the answer must follow one."""

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        if profile.structured_output:
            return None
        return "the answer must follow a JSON Schema and it is not known to take one"

    return test if resolved.request.needs.structured_output else None


def avoid_local_for_hard_work(resolved: ResolvedRequest) -> Test | None:
    """Set aside local models for long chains of tool calls, or if accuracy is requested.

    With the preference `local`, accuracy is left to what is expected of each model.
    """
    needs = resolved.request.needs
    prefers_local = resolved.request.preferences.preference is Preference.LOCAL
    if needs.tool_calls >= MANY_TOOL_CALLS:
        reason = f"it runs on this machine and {needs.tool_calls} tool calls depend on each other"
    elif needs.asks_for_accuracy and not prefers_local:
        reason = "it runs on this machine and the task asks for accuracy"
    else:
        return None

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        return reason if profile.is_local else None

    return test


def avoid_poor_callers(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that call tools poorly for work that is mostly calls, or for quality.

    That is, those that write their calls as text or of whose calls many are rejected.
    """
    needs = resolved.request.needs
    if needs.tool_calls >= MANY_TOOL_CALLS:
        why = f"{needs.tool_calls} tool calls depend on each other"
    elif needs.offered_tools >= MANY_TOOLS:
        why = f"there are {needs.offered_tools} tools to choose from"
    elif needs.tool_calls and resolved.request.preferences.preference is Preference.QUALITY:
        why = "the task calls tools and prefers quality"
    else:
        return None

    def test(profile: ModelProfile, estimate: Estimate) -> str | None:
        rejected = estimate.forecast.rejected_calls
        if rejected >= MANY_REJECTED:
            return f"{rejected:.0%} of its calls of tools cannot be run, and {why}"
        if profile.measured is not None and profile.measured.calls_tools is False:
            return f"it called no simple tool rightly when it was measured, and {why}"
        return f"it writes calls as text, and {why}" if profile.writes_calls else None

    return test


def avoid_local_after_bad_calls(resolved: ResolvedRequest) -> Test | None:
    """Set aside local models where the calls of another one could not be run."""
    failed = [id_ for id_, error in resolved.request.failed.items() if error == BadToolCalls.code]
    if not failed:
        return None
    reason = f"it runs on this machine, and no call of tools by {failed[-1]} could be run"

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        return reason if profile.is_local else None

    return test


def avoid_slow(resolved: ResolvedRequest) -> Test | None:
    """Set aside models that were measured to take longer than the deadline allows."""
    left = resolved.request.seconds_left
    if left is None:
        return None

    def test(_: ModelProfile, estimate: Estimate) -> str | None:
        seconds = estimate.forecast.total_s
        if not estimate.forecast.is_measured or seconds <= left:
            return None
        return f"it usually takes {seconds:.0f} s and the deadline is in {max(left, 0):.0f} s"

    return test


def avoid_over_reservation(resolved: ResolvedRequest) -> Test | None:
    """Set aside models whose answer may cost more than is left, because that is reserved first."""
    request, left = resolved.request, resolved.request.budget_usd
    if left is None:
        return None
    tokens = max(resolved.input_tokens, request.prompt_characters) + FRAME_TOKENS
    rest = f"${max(left, 0):.6f} of the budget is left"

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        longest = request.max_output_tokens or profile.max_answer_tokens
        most = profile.cost(tokens, longest)
        if most is None or most <= left:
            return None
        return f"its answer may cost up to ${most:.4f} and {rest}"

    return test


def avoid_makers(resolved: ResolvedRequest) -> Test | None:
    """Set aside models of makers that the workflow avoids, such as that of the answer to judge."""
    makers = resolved.request.avoided_makers

    def test(profile: ModelProfile, _: Estimate) -> str | None:
        return f"another maker than {profile.maker} is wanted" if profile.maker in makers else None

    return test if makers else None


SOFT: Final[tuple[Constraint, ...]] = (
    avoid_drained,
    avoid_open_circuit,
    avoid_for_task_type,
    avoid_without_web_search,
    avoid_without_sight,
    avoid_unforced,
    avoid_without_schemas,
    avoid_poor_callers,
    avoid_local_for_hard_work,
    avoid_local_after_bad_calls,
    avoid_slow,
    avoid_over_reservation,
    avoid_makers,
)
