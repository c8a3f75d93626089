"""For whom the executor calls a model, in the words of the router's gates."""

from collections.abc import Mapping

from protocol.records import ClaimedSubtask
from providers.data_policy import deployment_objection, read_rules
from providers.errors import InvalidRequest
from providers.gates import Errand


def errand_of(claimed: ClaimedSubtask) -> Errand:
    """Describe the call of one attempt. Conversations stay together, else the task does.

    Raises InvalidRequest when the task's data policy cannot be read: no planner let that pass.
    """
    rules = _data_rules(claimed.task.preferences)
    failed = (each for each in claimed.history if each.outcome in {"failed", "rerouted"})
    return Errand(
        task_id=claimed.task_id,
        subtask_id=claimed.subtask_id,
        attempt=claimed.attempt,
        owner=claimed.task.owner,
        affinity=str(claimed.task.session_id or claimed.task_id),
        avoid=frozenset(each.provider for each in failed if each.provider),
        forbids=lambda place: deployment_objection(rules, place),
    )


def _data_rules(preferences: object) -> tuple[str, ...]:
    stated = preferences.get("data_policy", "any") if isinstance(preferences, Mapping) else "any"
    try:
        return read_rules(stated)
    except ValueError as error:
        raise InvalidRequest("cogo", f"preferences.data_policy: {error}") from error
