"""STRATEGY: a plan, a critic of another maker, and at most one revision."""

from agents.workflows.engine import LastStep, Result, Run, StepFailed, workflow
from agents.workflows.params import ChatParams
from agents.workflows.prompts import strategy as prompts
from agents.workflows.prompts.critique import MAX_PROBLEMS, Critique


@workflow("STRATEGY", params=ChatParams)
async def strategy(run: Run) -> Result | LastStep:
    """Write a plan, let a model of another maker criticise it, and revise it once if it must."""
    params = run.params_as(ChatParams)
    plan = await run.ask(
        "draft", run.prompt, role="strategist", answer=True, with_history=True,
        params=params.for_request() | {"system": params.system or prompts.STRATEGIST},
    )  # fmt: skip
    try:
        critique = await run.ask(
            "critique", prompts.ask_for_critique(run.prompt, plan.text), schema=Critique,
            role="critic", not_by=[plan], system=prompts.CRITIC,
        )  # fmt: skip
    except StepFailed as error:
        note = f"Nobody criticised the plan: {error.message}"
        return Result(plan.text, output={**plan.output, "notes": [note]})
    problems = critique.problems[:MAX_PROBLEMS]
    if not problems:
        return Result(plan.text, output={**plan.output, "critique": []})
    prompt = prompts.ask_for_revision(run.prompt, plan.text, problems)
    return run.hand_over(
        run.ask(
            "revision", prompt, model=plan.model, role="strategist", answer=True,
            with_history=True, params=params.for_step(prompts.STRATEGIST, prompt),
        )
    )  # fmt: skip
