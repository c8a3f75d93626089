"""For whom the executor calls a model, in the words of the router's gates."""

from protocol.records import ClaimedSubtask
from providers.gates import Errand


def errand_of(claimed: ClaimedSubtask) -> Errand:
    """Describe the call of one attempt. Conversations stay together, else the task does."""
    failed = (each for each in claimed.history if each.outcome in {"failed", "rerouted"})
    return Errand(
        task_id=claimed.task_id,
        subtask_id=claimed.subtask_id,
        attempt=claimed.attempt,
        owner=claimed.task.owner,
        affinity=str(claimed.task.session_id or claimed.task_id),
        avoid=frozenset(each.provider for each in failed if each.provider),
    )
