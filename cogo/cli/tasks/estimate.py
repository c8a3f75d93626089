"""`cogo estimate`: the plan, the model and the cost of a task, before it is submitted."""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.cio import Cio, StepNeeds
from agents.orchestrator.embedding_models import quote_embeddings
from agents.orchestrator.flows.preview import FlowPreview, preview_flow
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.knowledge_sync import build_knowledge
from agents.orchestrator.lane_registry import LaneRegistry
from agents.selection.choice import Choice
from agents.selection.preferences import Preference
from agents.selection.quote import Quote, add_quotes, build_quote
from agents.tools.names import read_embedding_module
from cogo.cli.options import AsJson, Dir
from cogo.cli.request_options import AnswerSchema, Attach, Tools
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
from cogo.errors import CommandError, UsageError
from cogo.terminal import print_json, print_line
from cogo.watch.format import mark_simulated
from cogo.wiring.model_directory import build_start_knowledge
from cogo.wiring.workflows import open_workflows
from protocol.embeddings import read_texts
from protocol.records import TaskBrief
from protocol.store.gateway import GatewayStore
from protocol.store.queue import QueueStore
from providers.catalogue.catalogue import Catalogue
from providers.router import Router

_POLICY_DECISIONS: Final = frozenset({"team", "ladder"})
"""Decisions of workflows that ask one question as the task's policy wants."""


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
    tool: Tools = None,
    schema: AnswerSchema = None,
    attach: Attach = None,
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
    given = build_params(
        params, language=language, target_file=None, file=file, kind=task_type,
        tools=tool, schema=schema, attach=attach,
    )  # fmt: skip
    task = TaskBrief(
        id=uuid4(),
        type=task_type,
        prompt=prompt,
        params=given,
        model=model,
        preferences=build_preferences(prefer, policy, data_policy),
        budget_usd=parse_budget(budget),
    )
    plan = _plan(Project.find(directory), task)
    if as_json:
        print_json(_to_json(task, plan))
        return
    if plan.follows_policy:
        _print_policy(task, plan.choices[0])
    else:
        _print_steps(plan)
    if not plan.choices and not plan.embeddings:
        return
    print_line(f"  {plan.quote.sentence()}")
    if plan.preview.is_open and not plan.follows_policy:
        print_line("  more steps follow, which depend on these; --budget limits them all")
    if plan.is_simulated:
        print_line("  costs are simulated: the vendor simulator is free, so prices did not count")


@dataclass(frozen=True, slots=True)
class _Embedding:
    """A step that turns texts into vectors."""

    key: str
    model: str
    quote: Quote
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    preview: FlowPreview
    choices: list[Choice]
    """Of the first steps, or one of the whole task with its team or its next model."""
    embeddings: list[_Embedding]
    """Of the first steps."""
    follows_policy: bool

    @property
    def quote(self) -> Quote:
        quotes = [*map(build_quote, self.choices), *(each.quote for each in self.embeddings)]
        return add_quotes(quotes)

    @property
    def is_simulated(self) -> bool:
        choices = any(each.selected.profile.is_simulated for each in self.choices)
        return choices or any(each.is_simulated for each in self.embeddings)


def _to_json(task: TaskBrief, plan: _Plan) -> dict[str, Any]:
    models = {each.key: each.model for each in plan.embeddings}
    steps = [
        {
            "key": request.key,
            "kind": request.kind,
            "role": request.role,
            "model": choice.selected.model_id if choice else models.get(request.key),
        }
        for request, choice in plan.preview.steps
    ]
    shown: dict[str, Any] = {
        "type": task.type,
        "simulated": plan.is_simulated,
        "steps": steps,
        "more_steps": plan.preview.is_open,
        "cost_usd": plan.quote.to_json(),
    }
    if plan.embeddings and not plan.choices:
        return shown | {"model": plan.embeddings[0].model}
    if not plan.choices:
        return shown
    choice = plan.choices[0]
    record = choice.to_record()
    return shown | {
        "model": record.selected_model,
        "team": list(choice.pick.team),
        "next": choice.pick.escalate_to,
        "policy": record.policy,
        "reason": record.reason,
        "candidates": record.candidates.expand(),
    }


def _print_policy(task: TaskBrief, choice: Choice) -> None:
    for member in choice.pick.team:
        print_line(f"{task.type} by {member}, for the synthesis")
    selected = choice.selected
    name = mark_simulated(selected.model_id, simulated=selected.profile.is_simulated)
    print_line(f"{task.type} by {name}: {choice.reason}")
    if choice.pick.escalate_to:
        print_line(f"  an answer that fails its checks goes to {choice.pick.escalate_to}")


def _print_steps(plan: _Plan) -> None:
    embeddings = {each.key: each for each in plan.embeddings}
    for request, choice in plan.preview.steps:
        if (embedding := embeddings.get(request.key)) is not None:
            name = mark_simulated(embedding.model, simulated=embedding.is_simulated)
            print_line(f"{request.key} by {name}: vectors of the texts")
            continue
        if choice is None:
            module = request.request.get("module")
            print_line(f"{request.key}: {request.kind}{f' of {module}' if module else ''}")
            continue
        selected = choice.selected
        name = mark_simulated(selected.model_id, simulated=selected.profile.is_simulated)
        print_line(f"{request.key} by {name}: {choice.reason}")


async def build_cio(project: Project, store: QueueStore) -> Cio:
    """Return what chooses models as an orchestrator of this project would now."""
    catalogue = load_catalogue(project)

    async def find_own_lanes() -> list[str]:
        async with Router(catalogue, load_credentials(project, catalogue)) as router:
            await router.discover()
            return list(router.list_lanes())

    registry = LaneRegistry(store=store, own=find_own_lanes)
    await registry.refresh()
    start = build_start_knowledge(project)
    knowledge = build_knowledge(await store.model_knowledge(agent_id="cogo estimate"), start=start)
    return Cio(catalogue=catalogue, registry=registry, knowledge=lambda: knowledge)


def _plan(project: Project, task: TaskBrief) -> _Plan:
    """Return the first steps and the choices of models. Raises CommandError if there is none."""

    async def plan(store: GatewayStore) -> _Plan:
        cio = await build_cio(project, store)
        async with open_workflows(project) as workflows:
            runner = FlowRunner(cio=cio, workflows=workflows, outputs=store)
            preview = await preview_flow(runner, task)
        embeddings = _list_embeddings(preview, cio.catalogue, cio.registry)
        kinds = {key.partition(":")[0] for key in preview.decisions}
        if kinds.isdisjoint(_POLICY_DECISIONS):
            is_one_question = bool(preview.choices) and not preview.is_open
            return _Plan(preview, preview.choices, embeddings, follows_policy=is_one_question)
        needs = StepNeeds(seed=f"{task.id}:main", prompt_characters=len(task.prompt), may_team=True)
        return _Plan(preview, [cio.choose_for_task(task, needs)], embeddings, follows_policy=True)

    try:
        return run_with_store(project, plan)
    except InvalidTask as error:
        raise UsageError(error.message) from error
    except NoModel as error:
        raise CommandError(error.message) from error


def _list_embeddings(
    preview: FlowPreview, catalogue: Catalogue, registry: LaneRegistry
) -> list[_Embedding]:
    found = []
    for step, _ in preview.steps:
        name = read_embedding_module(str(step.request.get("module")))
        arguments = step.request.get("arguments")
        if name is None or not isinstance(arguments, dict):
            continue
        entry = catalogue.find_embedding_model(name)
        is_simulated = registry.embeddings.get(entry.id, False)
        texts = read_texts(arguments["texts"])
        quote = quote_embeddings(entry, texts, catalogue, is_simulated=is_simulated)
        found.append(_Embedding(step.key, entry.id, quote, is_simulated))
    return found
