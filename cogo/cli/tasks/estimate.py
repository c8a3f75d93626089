"""`cogo estimate`: the plan, the model and the cost of a task, before it is submitted."""

import json
from typing import Annotated
from uuid import uuid4

import typer

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.knowledge_sync import build_knowledge
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.planner import Cio
from agents.selection.choice import Choice
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.preferences import Preference
from agents.selection.quote import build_quote
from agents.workflows.plan import PlanStep as Step
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.cli.task_options import (
    Budget,
    CodeFile,
    DataPolicy,
    Language,
    Model,
    Params,
    Policy,
    Prefer,
    TaskType,
    build_params,
    build_preferences,
    parse_budget,
)
from cogo.config.catalogue import load_catalogue, load_credentials
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line
from cogo.watch.format import mark_simulated
from protocol.records import TaskBrief
from protocol.store.gateway import GatewayStore
from providers.router import Router


def estimate(
    *,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="Text of the task.")],
    task_type: TaskType = "GENERATE_CODE",
    model: Model = None,
    prefer: Prefer = Preference.BALANCED,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    language: Language = None,
    file: CodeFile = None,
    params: Params = None,
    budget: Budget = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show the plan, model and cost of a task.

    No model is called. The cost is a range from a short answer to a long one; its upper end
    counts every call of a cascade or an ensemble. If the vendor simulator answers, all costs are
    zero, and prices do not count in the choice.

    Examples:
        cogo estimate "Write a Python function is_palindrome(text)"
        cogo estimate "Explain this" --type CHAT --prefer cost --policy scored --json
    """
    task = TaskBrief(
        id=uuid4(),
        type=task_type,
        prompt=prompt,
        params=build_params(params, language=language, target_file=None, file=file, kind=task_type),
        model=model,
        preferences=build_preferences(prefer, policy, data_policy),
        budget_usd=parse_budget(budget),
    )
    step, choice = _plan(Project.find(directory), task)
    quote = build_quote(choice)
    record = choice.to_record()
    simulated = choice.selected.profile.is_simulated
    if as_json:
        print_json(
            {
                "type": step.type,
                "model": record.selected_model,
                "simulated": simulated,
                "team": list(choice.pick.team),
                "next": choice.pick.escalate_to,
                "policy": record.policy,
                "reason": record.reason,
                "cost_usd": quote.to_json(),
                "candidates": json.loads(json.dumps(record.candidates)),
            }
        )
        return
    for member in choice.pick.team:
        print_line(f"{step.type} by {member}, for the synthesis")
    name = mark_simulated(record.selected_model, simulated=simulated)
    print_line(f"{step.type} by {name}: {record.reason}")
    if choice.pick.escalate_to:
        print_line(f"  an answer that fails its checks goes to {choice.pick.escalate_to}")
    print_line(f"  {quote.sentence()}")
    if simulated:
        print_line("  costs are simulated: the vendor simulator is free, so prices did not count")


def _plan(project: Project, task: TaskBrief) -> tuple[Step, Choice]:
    """Return the first step and its choice of a model. Raises CommandError if there is none."""
    catalogue = load_catalogue(project)
    start = Knowledge(policy=project.settings.selection_policy)

    async def find_own_lanes() -> list[str]:
        async with Router(catalogue, load_credentials(project, catalogue)) as router:
            await router.discover()
            return list(router.list_lanes())

    async def build_cio(store: GatewayStore) -> Cio:
        registry = LaneRegistry(store=store, own=find_own_lanes)
        await registry.refresh()
        knowledge = build_knowledge(
            await store.model_knowledge(agent_id="cogo estimate"), start=start
        )
        return Cio(catalogue=catalogue, registry=registry, knowledge=lambda: knowledge)

    try:
        return run_with_store(project, build_cio).choose_for_task(task)
    except (InvalidTask, NoModel) as error:
        raise CommandError(error.message) from error
