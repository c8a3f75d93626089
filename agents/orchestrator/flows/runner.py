"""The work of the lane `cio`: flows are advanced, and subtasks that failed get another model."""

from collections.abc import Mapping
from typing import Final, Protocol
from uuid import UUID

from pydantic import JsonValue

from agents.errors import InvalidTask, NoModel, ToolNotUsable
from agents.orchestrator.cio import Cio, log_selection
from agents.orchestrator.failures import build_invalid_task_failure, build_no_model_failure
from agents.orchestrator.flows.decisions import (
    POLICY,
    DecisionMaker,
    build_nothing,
    find_decided_reason,
)
from agents.orchestrator.flows.ends import (
    build_finish,
    build_flow_failure,
    build_next_run,
    build_unknown_workflow,
)
from agents.orchestrator.flows.output_cache import OutputCache, StepOutputs
from agents.orchestrator.flows.stamping import (
    build_ask,
    build_ask_params,
    build_needs,
    build_refused_ask,
    build_selection,
    build_step,
    change_request,
)
from agents.orchestrator.routing import route_subtask
from agents.orchestrator.tool_check import check_usable_tools
from agents.runtime.attempt import WorkFailed
from agents.selection.choice import Choice
from agents.workflows.engine import (
    Advance,
    Finished,
    FlowFailed,
    HandedOver,
    NeedsDecisions,
    NeedsOutput,
    Repeats,
    StepRequest,
    Suspended,
)
from protocol.ids import utc_now
from protocol.records import (
    ClaimedSubtask,
    Completion,
    HandOver,
    LeaseRef,
    NewStep,
    SelectionRecord,
    Suspension,
    TaskBrief,
)
from protocol.records.flows import FlowRecord

PLAN: Final = "PLAN"
"""The type of a task's flow."""
MAX_ROUNDS: Final = 3_000
"""How often one attempt may provide what a workflow needs; above the engine's own limits."""


class WorkflowSource(Protocol):
    """Where workflows are found and advanced."""

    async def advance(self, task: TaskBrief, record: FlowRecord) -> Advance:
        """Advance the workflow of a task. Raises InvalidTask if there is none of its type."""
        ...

    def list_notes(self, task: TaskBrief) -> list[str]:
        """Return a note for each param that the workflow of a task does not use."""
        ...


class FlowRunner:
    """Advances flows, decides what they need to know, and stamps their steps."""

    def __init__(self, *, cio: Cio, workflows: WorkflowSource, outputs: StepOutputs) -> None:
        self._cio = cio
        self._workflows = workflows
        self._decisions = DecisionMaker(cio)
        self._outputs = OutputCache(outputs)
        self._unlogged: dict[LeaseRef, tuple[UUID, list[SelectionRecord]]] = {}
        """Tasks, and what was selected for them, by attempts whose end is being recorded."""

    async def handle(self, claimed: ClaimedSubtask) -> Completion:
        """Advance the flow or route the subtask; raises WorkFailed if that is impossible."""
        completion = await self._handle(claimed)
        if selections := completion.list_selections():
            self._unlogged[claimed.ref] = (claimed.task_id, selections)
        return completion

    def log_selections(self, ref: LeaseRef) -> None:
        """Log what an attempt has selected. Its end is recorded, so no executor waits for this."""
        if unlogged := self._unlogged.pop(ref, None):
            task_id, selections = unlogged
            for each in selections:
                log_selection(task_id, each)

    async def _handle(self, claimed: ClaimedSubtask) -> Completion:
        if not self._cio.registry.is_known:
            await self._cio.registry.refresh()
        try:
            if claimed.type == PLAN:
                return await self._run(claimed)
            return route_subtask(self._cio, claimed)
        except InvalidTask as error:
            raise WorkFailed(build_invalid_task_failure(claimed, error)) from error
        except NoModel as error:
            registry = self._cio.registry
            served = registry.lanes if registry.is_known else None
            failure = build_no_model_failure(claimed, error, served=served)
            raise WorkFailed(failure) from error

    async def advance(
        self, task: TaskBrief, record: FlowRecord
    ) -> tuple[Advance, dict[str, JsonValue]]:
        """Advance a task until it waits or ends; return also the decisions made meanwhile.

        Raises InvalidTask for an unknown type and for wrong preferences, and NoModel if no model is
        eligible for the first step, or while it is not known which models are served.
        """
        made: dict[str, JsonValue] = {}
        if POLICY not in record.decisions:
            made[POLICY] = self._cio.get_policy(task).value
        for _ in range(MAX_ROUNDS):
            known = record.model_copy(update={"decisions": {**record.decisions, **made}})
            advanced = await self._workflows.advance(task, known)
            match advanced:
                case NeedsDecisions(requests=requests):
                    for each in requests:
                        try:
                            made[each.key] = self._decisions.decide(task, each)
                        except NoModel as error:
                            # A decision is for ever. While no executor is known, none is made.
                            if not record.steps or not self._cio.registry.is_known:
                                raise
                            made[each.key] = build_nothing(error)
                case NeedsOutput(keys=keys):
                    record = await self._outputs.fill(task.id, record, keys)
                case _:
                    return advanced, made
        message = f"the workflow needed more than {MAX_ROUNDS} decisions and outputs at once"
        return FlowFailed(error_class="workflow_error", message=message), made

    def choose(self, task: TaskBrief, request: StepRequest) -> Choice | None:
        """Choose the model of a step, if it asks one. Raises InvalidTask, and NoModel."""
        if request.kind != "ask":
            return None
        return self._cio.choose_for_task(task, build_needs(request, task))

    async def _run(self, claimed: ClaimedSubtask) -> Completion:
        task = claimed.task
        record = claimed.flow or FlowRecord(first_claimed_at=utc_now())
        try:
            advanced, made = await self.advance(task, record)
        except InvalidTask as error:
            if record.steps and error.field == "type":
                raise WorkFailed(build_unknown_workflow(claimed, error)) from error
            raise
        match advanced:
            case Suspended(steps=steps):
                changed = [change_request(each, record.fork) for each in steps]
                suspended = advanced.model_copy(update={"steps": changed})
                return self._suspend(claimed, suspended, record, made)
            case HandedOver(step=step):
                changed_step = change_request(step, record.fork)
                ended = advanced.model_copy(update={"step": changed_step})
                return self._hand_over(claimed, ended, record, made)
            case Finished():
                return build_finish(claimed, advanced, self._workflows.list_notes(task))
            case Repeats():
                return build_next_run(claimed, advanced, self._workflows.list_notes(task))
            case FlowFailed():
                raise WorkFailed(build_flow_failure(claimed, advanced))
            case NeedsDecisions() | NeedsOutput():
                raise AssertionError("what a workflow needs was provided")

    def _suspend(
        self,
        claimed: ClaimedSubtask,
        suspended: Suspended,
        record: FlowRecord,
        made: dict[str, JsonValue],
    ) -> Completion:
        decisions = {**record.decisions, **made}
        steps, selections = [], []
        for request in suspended.steps:
            step, choice = self._stamp(claimed, request)
            steps.append(step)
            if choice is not None:
                selections.append(_build_record(claimed.task, request, choice, decisions))
        return Completion(
            ref=claimed.ref,
            judgements=suspended.judgements,
            suspend=Suspension(
                steps=steps,
                selections=selections,
                decisions=made,
                awaits=suspended.awaits,
                wait=suspended.wait,
                cancel=suspended.cancel,
                drift=[each.model_dump(mode="json") for each in suspended.drift],
            ),
        )

    def _hand_over(
        self,
        claimed: ClaimedSubtask,
        ended: HandedOver,
        record: FlowRecord,
        made: dict[str, JsonValue],
    ) -> Completion:
        """Stamp the last step. If nobody can do it, the flow fails, and with it the task."""
        task, request = claimed.task, ended.step
        self._check_tools(claimed, request)
        choice = self.choose(task, request)
        if choice is None:
            step, selections = build_step(request, task), []
        else:
            notes = self._workflows.list_notes(task)
            step = build_ask(request, task, choice, is_last=True, notes=notes)
            selections = [_build_record(task, request, choice, {**record.decisions, **made})]
        return Completion(
            ref=claimed.ref,
            judgements=ended.judgements,
            hand_over=HandOver(
                step=step,
                selections=selections,
                # Nothing reads the decisions of a task that is one question.
                decisions=made if record.steps else {},
            ),
        )

    def _stamp(
        self, claimed: ClaimedSubtask, request: StepRequest
    ) -> tuple[NewStep, Choice | None]:
        """Return a step that the workflow waits for; one that nobody can do has failed.

        Raises InvalidTask if that is a mistake of the task, and NoModel while it is not known which
        models are served.
        """
        task = claimed.task
        try:
            self._check_tools(claimed, request)
            choice = self.choose(task, request)
        except InvalidTask as error:
            blamed = "tools" if isinstance(error, ToolNotUsable) else "model"
            if request.request.get(blamed) is None:
                raise
            return build_refused_ask(request, task, error), None
        except NoModel as error:
            if not self._cio.registry.is_known:
                raise
            return build_refused_ask(request, task, error), None
        if choice is None:
            return build_step(request, task), None
        return build_ask(request, task, choice, is_last=False, notes=[]), choice

    def _check_tools(self, claimed: ClaimedSubtask, request: StepRequest) -> None:
        """Check the tools of an ask before anything is spent. Raises ToolNotUsable."""
        if request.kind == "ask":
            registry = self._cio.registry
            check_usable_tools(
                build_ask_params(request),
                offered=registry.tools if registry.is_known else None,
                granted=claimed.tools_granted,
            )


def _build_record(
    task: TaskBrief, request: StepRequest, choice: Choice, decisions: Mapping[str, JsonValue]
) -> SelectionRecord:
    """Return the record of a choice, with the reason of the decision that named the model."""
    named = request.request.get("model")
    reason = find_decided_reason(decisions, named) if isinstance(named, str) else None
    return build_selection(request, task, choice, reason)
