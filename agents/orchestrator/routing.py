"""Another model for subtasks in lane `cio`: theirs failed, or no executor serves it any more."""

from collections.abc import Mapping
from datetime import UTC, datetime

from agents.errors import NoModel
from agents.orchestrator.cio import Cio, StepNeeds, count_characters
from agents.orchestrator.flows.stamping import list_avoided
from agents.orchestrator.tool_check import find_tool_needs
from agents.runtime.failed_attempts import (
    is_cap_of_provider,
    is_temporary,
    list_failed_attempts,
    read_error_class,
    read_retry_at,
)
from agents.selection.choice import Choice
from protocol.records import ClaimedSubtask, Completion, Route


def route_subtask(cio: Cio, claimed: ClaimedSubtask) -> Completion:
    """Choose another model than those that failed; raises as `Cio.choose_model`.

    Without a failure no executor served the model, which is chosen if one does again.
    """
    failed = _list_failed_models(claimed)
    try:
        choice = _choose_again(cio, claimed, failed)
    except NoModel:
        temporary = _choose_temporary(cio, claimed, failed)
        if temporary is None:
            raise
        choice = temporary
    return Completion(
        ref=claimed.ref,
        output={"routed_to": choice.selected.model_id},
        route=_build_route(choice, _explain_route(claimed, choice, failed)),
    )


def _explain_route(
    claimed: ClaimedSubtask, choice: Choice, failed: Mapping[str, str]
) -> str | None:
    """Return why a model is asked that was not stamped; None if it was."""
    before = claimed.params.get("model_id")
    if failed:
        last, error = list(failed.items())[-1]
        return f"{last} failed ({error})"
    if before == choice.selected.model_id or not isinstance(before, str):
        return None
    return f"no running executor served {before}"


def _build_route(choice: Choice, why: str | None) -> Route:
    """Return the route; its selection, which is announced, says why another model was chosen."""
    model_id = choice.selected.model_id
    selection = choice.to_record()
    if why is not None and why not in selection.reason:
        reason = f"{why}, so another model is asked. {selection.reason}"
        selection = selection.model_copy(update={"reason": reason})
    return Route(
        lane=model_id,
        params={"model_id": model_id},
        metadata={"model_preferences": [model_id]},
        selection=selection,
    )


def _choose_temporary(
    cio: Cio, claimed: ClaimedSubtask, failed: Mapping[str, str]
) -> Choice | None:
    """Return a model that failed temporarily, the first to be available again, or None."""
    for model_id in _list_temporary_models(claimed):
        rest = {each: why for each, why in failed.items() if each != model_id}
        try:
            return _choose_again(cio, claimed, rest)
        except NoModel:
            continue
    return None


def _choose_again(cio: Cio, claimed: ClaimedSubtask, failed: Mapping[str, str]) -> Choice:
    role = claimed.metadata.get("role")
    needs = StepNeeds(
        seed=f"{claimed.task_id}:{claimed.key}:{len(failed)}",
        prompt_characters=count_characters(claimed.params),
        role=role if isinstance(role, str) else None,
        failed=failed,
        not_by=list_avoided(claimed.metadata),
        tools=find_tool_needs(claimed.params),
    )
    return cio.choose_for_task(claimed.task, needs)


def _list_failed_models(claimed: ClaimedSubtask) -> dict[str, str]:
    """Return the error class of each model that failed."""
    return {
        each.model_id: read_error_class(each)
        for each in list_failed_attempts(claimed)
        if each.model_id
    }


def _list_temporary_models(claimed: ClaimedSubtask) -> list[str]:
    """Return the models that failed temporarily, the first to be available again first.

    So do those of which people may be asked for more money.
    """
    waits = {
        each.model_id: read_retry_at(each) or datetime.min.replace(tzinfo=UTC)
        for each in list_failed_attempts(claimed)
        if each.model_id
        and (is_temporary(each) or (claimed.task.is_budget_asked_for and is_cap_of_provider(each)))
    }
    return sorted(waits, key=waits.__getitem__)
