"""The context of a call, for the router and its middleware: task, policies and time limits."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import ValidationError

from agents.runtime.failed_attempts import read_error_class
from protocol.json_values import explain_mistake
from protocol.records import ClaimedSubtask
from providers.calls.masking import mask_request
from providers.calls.middleware import CallContext, VendorCall
from providers.catalogue.data_policy import parse_rules
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import TimeoutSeconds
from providers.chat import ChatRequest
from providers.errors import (
    AtCapacity,
    Banned,
    CircuitOpen,
    InvalidRequest,
    ModelNotGranted,
    NotAsked,
)
from providers.secrets import Redactor

_OWN_LIMITS = {each.code for each in (NotAsked, AtCapacity, Banned, CircuitOpen, ModelNotGranted)}


def build_call_context(claimed: ClaimedSubtask) -> CallContext:
    """Return the context for one attempt. The calls of a session, else of a task, stay together.

    Raises InvalidRequest if the task's data policy or timeouts are not valid.
    """
    left = claimed.task.seconds_left
    return CallContext(
        task_id=claimed.task_id,
        subtask_id=claimed.subtask_id,
        attempt=claimed.attempt,
        owner=claimed.task.owner,
        affinity=str(claimed.task.session_id or claimed.task_id),
        avoid=frozenset(_list_failed_providers(claimed)),
        data_policy=_read_data_policy(claimed.task.preferences),
        timeouts=_read_timeouts(claimed),
        time_left=None if left is None else timedelta(seconds=left),
    )


def build_cached_call(
    request: ChatRequest, deployment: Deployment, context: CallContext, redactor: Redactor
) -> VendorCall:
    """Return the call that a cached answer replaced, with masked keys, for the audit log."""
    found = 0
    if deployment.masks_keys:
        request, found = mask_request(request, redactor)
    return VendorCall(deployment=deployment, request=request, context=context, masked_keys=found)


def _read_data_policy(preferences: object) -> tuple[str, ...]:
    stated = preferences.get("data_policy", "any") if isinstance(preferences, Mapping) else "any"
    try:
        return parse_rules(stated)
    except ValueError as error:
        raise InvalidRequest("cogo", f"preferences.data_policy: {error}") from error


def _list_failed_providers(claimed: ClaimedSubtask) -> list[str]:
    """Return the providers that failed with this model; our own limits do not count."""
    return [
        each.provider
        for each in claimed.history
        if each.provider
        and each.model_id == claimed.lane
        and each.outcome in {"failed", "rerouted"}
        and read_error_class(each) not in _OWN_LIMITS
    ]


def _read_timeouts(claimed: ClaimedSubtask) -> TimeoutSeconds | None:
    """Read `params.timeouts`: seconds by first_token, stall and total."""
    stated = claimed.task.params.get("timeouts") if isinstance(claimed.task.params, dict) else None
    if stated is None:
        return None
    try:
        return TimeoutSeconds.model_validate(stated)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(["timeouts", *map(str, first["loc"])])
        raise InvalidRequest(
            "cogo",
            f"params.{path}: {explain_mistake(first)}; "
            "it takes first_token, stall and total in seconds",
        ) from error
