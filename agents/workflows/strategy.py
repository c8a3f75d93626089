"""STRATEGY: a plan as data, a critic of another maker, and at most one revision."""

from collections.abc import Sequence

from agents.workflows.engine import Result, Review, Run, Step, StepFailed, workflow
from agents.workflows.engine.readers import find_step_model
from agents.workflows.params import ChatParams
from agents.workflows.parts import Parts
from agents.workflows.prompts import strategy as prompts
from agents.workflows.swarms.plan import StrategicPlan
from agents.workflows.swarms.time_limits import USUAL_LIMIT

ROLE = "strategic"


@workflow("STRATEGY", params=ChatParams)
async def strategy(run: Run) -> Result:
    """Write a plan, let a model of another maker criticise it, and revise it once if it must."""
    draft = ask_strategist(run, prompts.ask_for_plan(run.prompt))
    try:
        plan = await draft
    except StepFailed as error:
        if error.error_class != "invalid_answer":
            raise
        return await write_in_words(run, draft)
    author = find_step_model(draft)
    critic = run.review(
        "critic", of=plan.to_text(), not_by=[author] if author else [], system=prompts.CRITIC
    )
    review = await run.settle_within(USUAL_LIMIT, critic)
    if isinstance(review, StepFailed):
        notes = [f"Nobody criticised the plan: {review.message}"]
        return build_strategy_result(plan, notes, [draft], critic)
    if not review.problems:
        return build_strategy_result(plan, [], [draft], critic, review)
    prompt = prompts.ask_for_revision(run.prompt, plan.model_dump(), review.problems)
    revision = ask_strategist(run, prompt, model=author)
    revised = await run.settle_within(USUAL_LIMIT, revision)
    if isinstance(revised, StepFailed):
        notes = [f"The plan was not revised: {revised.message}"]
        return build_strategy_result(plan, notes, [draft, revision], critic, review)
    return build_strategy_result(revised, [], [draft, revision], critic, review)


def ask_strategist(run: Run, prompt: str, *, model: str | None = None) -> Step[StrategicPlan]:
    """Ask for the plan as data."""
    params = run.params_as(ChatParams)
    return run.ask(
        "strategy", prompt, schema=StrategicPlan, model=model, role=ROLE, with_history=True,
        params=params.for_step(prompts.STRATEGIST, prompt),
    )  # fmt: skip


async def write_in_words(run: Run, draft: Step[StrategicPlan]) -> Result:
    """Return a plan that is only text, if no model gives data."""
    params = run.params_as(ChatParams)
    step = run.ask(
        "strategy", run.prompt, role=ROLE, answer=True, with_history=True,
        params=params.for_request() | {"system": params.system or prompts.STRATEGIST},
    )  # fmt: skip
    answer, parts = await step, Parts()
    parts.add(step, agent="strategy", later=[draft])
    notes = ["No model gave the plan as data, so it is text, and nobody criticised it."]
    return Result(
        answer.text, output={**answer.output, "notes": [*notes], **parts.build_output(answer.text)}
    )


def build_strategy_result(
    plan: StrategicPlan,
    notes: Sequence[str],
    written: Sequence[Step[StrategicPlan]],
    critic: Step[Review],
    review: Review | None = None,
) -> Result:
    """Return the plan as data and as text, with what the critic said of its first version."""
    text, parts = plan.to_text(), Parts()
    parts.add(written[0], text=text, later=written[1:])
    problems = list(review.problems) if review else []
    parts.add(critic, text="\n".join(f"- {each}" for each in problems) or "No problems.")
    by_author = ["No other model was available, so the author criticised the plan."]
    notes = [*notes, *(by_author if review and review.is_by_author else [])]
    return Result(
        text,
        output={
            "data": plan.model_dump(),
            "model_used": find_step_model(written[0]),
            "critique": [*problems],
            "notes": [*notes],
            **parts.build_output(text),
        },
    )
