"""AUTO: a model proposes the steps, code checks them, and they are done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from agents.workflows.engine import (
    Approval,
    BudgetSpent,
    DeadlinePassed,
    Result,
    Run,
    Step,
    StepFailed,
    workflow,
)
from agents.workflows.engine.readers import read_output
from agents.workflows.params import AutoParams
from agents.workflows.params.step_params import CODE_TYPES
from agents.workflows.parts import Parts
from agents.workflows.planning.do_steps import do_when_ready
from agents.workflows.planning.estimates import (
    PlanEstimate,
    estimate_plan,
    list_priced_roles,
)
from agents.workflows.planning.plan_progress import PlanProgress
from agents.workflows.planning.proposal import (
    ASK,
    MAX_STEPS,
    STEP_TYPES,
    Proposal,
    ProposedStep,
    cap_budgets,
    divide_budget,
    list_plan_mistakes,
)
from agents.workflows.planning.steps_result import build_steps_result
from agents.workflows.planning.templates import choose_template
from agents.workflows.planning.waves import list_waves
from agents.workflows.planning.whole import StepValue
from agents.workflows.prompts import auto as prompts

REPAIRS = 1
TOOL_AutoParams = ("tools", "tool_limits", "parallel_tool_calls")
"""Not for the planner, which needs none."""
MAX_SHOWN_PLAN = 20_000
"""Characters of a refused plan that its author sees again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPlan:
    """Steps that can be done, and what they cost by expectation."""

    steps: Mapping[str, ProposedStep]
    estimate: PlanEstimate
    proposal: Step[Proposal] | None = None
    """The step of the model that proposed it; None: a template replaces what it proposed."""

    def to_json(self) -> list[JsonValue]:
        """Return the steps for results and for people who are asked."""
        return [each.model_dump() for each in self.steps.values()]


@workflow("AUTO", params=AutoParams)
async def auto(run: Run) -> Result:
    """Do the steps that a model proposes and code has checked, else those of a template.

    A plan cannot widen what the task may do, and no step plans again.
    """
    parts, notes, params = Parts(), list[str](), run.params_as(AutoParams)
    plan = await propose(run, parts, notes)
    described: dict[str, Any] = {"plan": plan.to_json(), "estimate": plan.estimate.model_dump()}
    needs = {name: each.needs for name, each in plan.steps.items()}
    owners = {each.file: name for name, each in plan.steps.items() if each.file}
    work = PlanProgress(
        needs=needs, waves=list_waves(needs), owners=owners, parts=parts, notes=notes
    )  # fmt: skip
    answer = await confirm(run, plan, notes)
    if answer is not None and not answer.approved:
        why = f": {answer.comment}" if answer.comment else "."
        return build_refused_plan(
            f"Nothing was done, since the plan was refused{why}", work, described
        )
    limit = None if answer else params.confirm_above_usd
    unasked = None if limit is None else Decimal(str(limit))
    await run.branch("steps", do_steps(run, work, plan, unasked))
    if not work.done and work.failure is not None:
        raise work.failure
    if not work.done:
        return build_refused_plan("Nothing was done, since the plan was refused.", work, described)
    return build_steps_result(work, described)


def build_refused_plan(text: str, work: PlanProgress, described: Mapping[str, Any]) -> Result:
    """Return the result of a plan of which a person wants nothing."""
    shown = work.parts.build_output(text)
    return Result(text, output={**described, **shown, "notes": [*work.notes]})


async def propose(run: Run, parts: Parts, notes: list[str]) -> CheckedPlan:
    """Return a plan without mistakes: as proposed, as repaired once, or a template."""
    params = run.params_as(AutoParams)
    money = "" if run.budget_left is None else f"All of it may cost ${run.budget_left:.2f}. "
    types = {name: each.purpose for name, each in STEP_TYPES.items()}
    question = prompts.ask_for_proposal(run.prompt, types, MAX_STEPS, money)
    prompt: str = question
    author: Any = None
    mistakes: list[str] = []
    for _ in range(1 + REPAIRS):
        step = run.ask(
            "proposal", prompt, schema=Proposal, role="strategic", model=author,
            with_history=True, params=leave_out_tools(params.for_step(prompts.PLANNER, prompt)),
        )  # fmt: skip
        proposal, mistakes = await read_proposal(run, step, parts)
        if proposal is not None and not mistakes:
            expected = estimate_steps(run, proposal.list_types())
            return CheckedPlan(steps=proposal.arrange(), estimate=expected, proposal=step)
        if proposal is None and not is_about_plan(step):
            break
        output = read_output(step)
        author, shown = output.get("model_used"), str(output.get("text") or "")
        prompt = f"{question}\n\n{prompts.ask_for_correct_plan(shown[:MAX_SHOWN_PLAN], mistakes)}"
    template = choose_template(run.prompt)
    [kind] = template.list_types()
    notes.append(f"A template ({kind}) has replaced the plan: {' '.join(mistakes)}")
    return CheckedPlan(steps=template.arrange(), estimate=estimate_steps(run, [kind]))


def leave_out_tools(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a step whose model may call nothing."""
    return {name: value for name, value in settings.items() if name not in TOOL_AutoParams}


def cap_tools(settings: Mapping[str, Any], share: Decimal | None) -> dict[str, Any]:
    """Return the settings of a question that calls tools no more after it has cost its share.

    One that calls none is one answer.
    """
    if share is None or share <= 0 or not settings.get("tools"):
        return dict(settings)
    limits = dict(settings.get("tool_limits") or {})
    usd = float(share) if limits.get("usd") is None else min(limits["usd"], float(share))
    return {**settings, "tool_limits": {**limits, "usd": usd}}


async def read_proposal(
    run: Run, step: Step[Proposal], parts: Parts
) -> tuple[Proposal | None, list[str]]:
    """Return the plan of a step, and what is wrong with it."""
    try:
        proposal = await step
    except (BudgetSpent, DeadlinePassed):  # of which a template would have no more
        raise
    except StepFailed as error:
        parts.add(step, problem=error)
        return None, [f"{error.message.rstrip('.')}."]
    expected = estimate_steps(run, proposal.list_types())
    mistakes = list_plan_mistakes(
        proposal, budget_left=run.budget_left, estimated_usd=expected.usd
    )  # fmt: skip
    refused = StepFailed(step.key, "invalid_plan", " ".join(mistakes)) if mistakes else None
    parts.add(step, text=proposal.to_text(), problem=refused)
    return proposal, mistakes


def is_about_plan(step: Step[Proposal]) -> bool:
    """Return whether a step failed by its answer, which may be better the next time."""
    return isinstance(step.error, StepFailed) and step.error.error_class == "invalid_answer"


def estimate_steps(run: Run, types: list[str]) -> PlanEstimate:
    """Return what steps of these types cost by expectation, with the prices of this task."""
    roles = list_priced_roles(types)
    return estimate_plan(types, {role: run.plan_ladder(role) for role in roles})


async def confirm(run: Run, plan: CheckedPlan, notes: list[str]) -> Approval | None:
    """Ask a person before the first step, if the task wants that; None: nobody was asked."""
    params = run.params_as(AutoParams)
    limit, usd = params.confirm_above_usd, plan.estimate.usd
    is_expensive = limit is not None and (usd is None or float(run.spent) + usd > limit)
    if not is_expensive and not params.review_plan:
        return None
    return await run.approve(
        "confirm",
        f"Do these {len(plan.steps)} steps: {plan.estimate.describe()}?",
        show={"steps": plan.to_json(), "estimate": plan.estimate.model_dump(), "notes": [*notes]},
        cost_usd=usd,
        judges=plan.proposal,
    )


async def do_steps(
    run: Run, work: PlanProgress, plan: CheckedPlan, unasked: Decimal | None
) -> None:
    """Do each step as soon as its needs are done; one whose needs were not done is left out.

    `unasked` is what all may cost before a person is asked: estimates can be wrong. Child tasks
    that would spend more ask by themselves.
    """
    begun: set[str] = set()

    async def begin(names: Sequence[str]) -> dict[str, Step[StepValue]]:
        nonlocal unasked
        open_steps = [plan.steps[name] for name in work.list_open()]
        shares = divide_budget(open_steps, run.budget_left)
        if unasked is not None:
            expected = {each.name: estimate_steps(run, [each.type]).usd for each in open_steps}
            usd = [each for each in expected.values() if each is not None]
            if len(usd) < len(open_steps) or float(run.spent) + sum(usd) > unasked:
                left = [each for each in open_steps if each.name not in begun]
                if not await confirm_rest(run, work, plan, left, unasked):
                    return {}
                unasked = None
            else:
                costs = {name: each or 0.0 for name, each in expected.items()}
                shares = cap_budgets(shares, costs, unasked - run.spent)
        begun.update(names)
        asks = unasked is not None
        return {name: begin_step(run, work, plan, name, shares[name], asks=asks) for name in names}

    def keep(name: str, ended: StepValue | StepFailed) -> None:
        work.keep(name, ended, is_code=plan.steps[name].type in CODE_TYPES)

    for name, step in (await do_when_ready(run, work, begin, keep)).items():
        work.parts.add_child(step, role=step.role or STEP_TYPES[plan.steps[name].type].role)


async def confirm_rest(
    run: Run, work: PlanProgress, plan: CheckedPlan, left: Sequence[ProposedStep], limit: Decimal
) -> bool:
    """Ask a person whether what is left of a plan may be done, which costs more than expected."""
    shown: list[JsonValue] = [each.model_dump() for each in left]
    answer = await run.approve(
        "more",
        f"${run.spent:.2g} were spent. Do the other {len(left)} of {len(plan.steps)} steps, which "
        f"may cost more than ${limit:g} together with that?",
        show={"steps": shown, "notes": [*work.notes]},
    )
    if not answer.approved:
        for each in left:
            work.leave_out(each.name, "a person has refused to spend more")
    return answer.approved


def begin_step(
    run: Run, work: PlanProgress, plan: CheckedPlan, name: str, share: Decimal | None, *, asks: bool
) -> Step[StepValue]:
    """Describe the work on one step, which sees the results that it needs; `share` is its budget.

    A person is asked when that is spent, if it `asks`.

    Its params are what the plan may say, and what the task wants of its children; no others.
    """
    step, params = plan.steps[name], run.params_as(AutoParams)
    results = [each.show() for each in work.list_needed_results(step.name)]
    prompt = prompts.ask_for_step(run.prompt, step.instruction, results)
    if plan.proposal is None:
        prompt = run.prompt
    if step.type == ASK:
        settings = cap_tools(params.for_step(prompts.WORKER, prompt), share)
        return run.ask(step.name, prompt, role="specialist", with_history=True, params=settings)
    child: dict[str, Any] = {**params.for_child(), **run.recalled_params}
    child |= {"on_budget": "ask"} if asks else {}
    files = work.merge_needed(step.name)
    if step.type.endswith("_CODE") and step.language:
        child |= {"language": step.language}
    if step.type == "GENERATE_CODE":
        child |= {"target_file": step.file} if step.file else {}
        child |= {"files": files} if files else {}
    elif step.type.endswith("_CODE") and len(files) == 1:
        child |= {"code": next(iter(files.values()))}
    return run.task(step.name, step.type, prompt, child, share)
