"""`cogo estimate`: the plan, the models and the cost of a task, before anything is spent."""

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import uuid4

import typer

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.knowledge_sync import build_knowledge
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.planner import Cio
from agents.selection.choice import Choice
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.preferences import Preference
from agents.selection.quote import Quote, build_quote
from agents.workflows.plan import Step
from cogo.cli.options import AsJson, Dir
from cogo.cli.task_options import (
    Budget,
    CodeFile,
    DataPolicy,
    Kind,
    Language,
    Model,
    Params,
    Policy,
    Prefer,
    dollars_of,
    params_of,
    preferences_of,
)
from cogo.config.catalogue import credentials, load_catalogue
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line
from cogo.watch.format import marked
from cogo.wiring.stores import open_client
from protocol.records import TaskBrief
from providers.router import Router

EXAMPLES: Final = (
    'cogo estimate "Write a Python function is_palindrome(text)"',
    'cogo estimate "Explain this" --type CHAT --prefer cost --policy scored --json',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What would be done."""

    step: Step
    choice: Choice
    quote: Quote


def estimate(
    *,
    prompt: Annotated[str, typer.Argument(help="What you would ask for.")],
    task_type: Kind = "GENERATE_CODE",
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
    """Show the plan, the models and what a task would cost. No model is called.

    The range goes from a short answer to a long one; a cascade or a team counts whole at its end.
    """
    task = TaskBrief(
        id=uuid4(),
        type=task_type,
        prompt=prompt,
        params=params_of(params, language=language, target_file=None, file=file, kind=task_type),
        model=model,
        preferences=preferences_of(prefer, policy, data_policy),
        budget_usd=dollars_of(budget),
    )
    weighed = asyncio.run(_weigh(Project.find(directory), task))
    record = weighed.choice.to_record()
    simulated = weighed.choice.selected.profile.is_simulated
    if as_json:
        print_json(
            {
                "type": weighed.step.type,
                "model": record.selected_model,
                "simulated": simulated,
                "team": list(weighed.choice.pick.team),
                "next": weighed.choice.pick.escalate_to,
                "policy": record.policy,
                "reason": record.reason,
                "cost_usd": weighed.quote.to_json(),
                "candidates": json.loads(json.dumps(record.candidates)),
            }
        )
        return
    for member in weighed.choice.pick.team:
        print_line(f"{weighed.step.type} by {member}, for the synthesis")
    name = marked(record.selected_model, simulated=simulated)
    print_line(f"{weighed.step.type} by {name}: {record.reason}")
    if weighed.choice.pick.escalate_to:
        print_line(f"  a refused answer goes to {weighed.choice.pick.escalate_to}")
    print_line(f"  {weighed.quote.sentence()}")


async def _weigh(project: Project, task: TaskBrief) -> Weighed:
    catalogue = load_catalogue(project)
    start = Knowledge(policy=project.settings.selection_policy)

    async def own() -> list[str]:
        async with Router(catalogue, credentials(project, catalogue)) as router:
            await router.discover()
            return list(router.served_lanes())

    async with open_client(project) as client:
        registry = LaneRegistry(store=client.store, own=own)
        await registry.refresh()
        knowledge = build_knowledge(
            await client.store.model_knowledge(agent_id="cogo estimate"), start=start
        )
    return _weighed(Cio(catalogue=catalogue, registry=registry, knowledge=lambda: knowledge), task)


def _weighed(cio: Cio, task: TaskBrief) -> Weighed:
    try:
        step, choice = cio.choose_for_task(task)
    except (InvalidTask, NoModel) as error:
        raise CommandError(error.message) from error
    return Weighed(step=step, choice=choice, quote=build_quote(choice))
