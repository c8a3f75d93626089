"""COORDINATE: a plan, its parts in parallel where they are independent, one result, a review."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from agents.workflows.engine import (
    Answer,
    LastStep,
    Result,
    Run,
    Step,
    StepFailed,
    TaskOutcome,
    workflow,
)
from agents.workflows.engine.readers import read_answer
from agents.workflows.params import ChatParams
from agents.workflows.prompts import coordinate as prompts
from agents.workflows.prompts.critique import MAX_PROBLEMS, Critique
from protocol.verification import describe_result

MAX_PARTS = 6
LATER_CALLS = 3
"""Calls that follow the parts: one result, its review, a correction."""

PartResult: TypeAlias = Answer | TaskOutcome


class Part(BaseModel):
    """One part of the work."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    instruction: str = Field(min_length=1)
    acceptance: str
    needs: list[str]
    kind: Literal["text", "code"]
    """`code` is run before it is used."""

    def describe(self, results: Mapping[str, PartResult]) -> dict[str, Any]:
        """Return it for the result of the task, with what running its code has shown."""
        done = results.get(self.name)
        verification = None if done is None else describe_result(done.output)
        return self.model_dump() | {"is_done": done is not None, "verification": verification}


class Division(BaseModel):
    """The work in parts."""

    model_config = ConfigDict(extra="forbid")

    parts: list[Part] = Field(min_length=1)


@workflow("COORDINATE", params=ChatParams)
async def coordinate(run: Run) -> Result | LastStep:
    """Divide the work, do independent parts at the same time, make one result and review it.

    Parts that are code are child tasks, so they are run before they are used.
    """
    params = run.params_as(ChatParams)
    prompt = prompts.ask_for_parts(run.prompt, MAX_PARTS)
    try:
        division = await run.ask(
            "division", prompt, schema=Division, role="planner", with_history=True,
            params=params.for_step(prompts.PLANNER, prompt),
        )  # fmt: skip
    except StepFailed as error:
        if error.error_class != "invalid_answer":
            raise
        return run.hand_over(_ask_alone(run, params))
    waves, notes = plan_waves(division.parts[:MAX_PARTS])
    results = await _do_parts(run, waves, notes)
    if not results:
        return run.hand_over(_ask_alone(run, params))

    output: dict[str, Any] = {"notes": notes}
    output["parts"] = [each.describe(results) for wave in waves for each in wave]
    prompt = prompts.ask_for_whole(run.prompt, _list_texts(results))
    try:
        whole = await run.ask(
            "whole", prompt, role="integrator", answer=True, with_history=True,
            params=params.for_step(prompts.INTEGRATOR, prompt),
        )  # fmt: skip
    except StepFailed as error:
        notes.append(f"Nobody made one result of the parts: {error.message}")
        texts = (f"## {name}\n\n{text}" for name, text in _list_texts(results).items())
        return Result("\n\n".join(texts), output=output)
    return await _review(run, params, whole, {**whole.output, **output}, notes)


async def _do_parts(
    run: Run, waves: Sequence[Sequence[Part]], notes: list[str]
) -> dict[str, PartResult]:
    """Return the results of the parts that could be done; add a note for each other one."""
    results: dict[str, PartResult] = {}
    for number, wave in enumerate(waves):
        share = _get_share(run, sum(map(len, waves[number:])))
        works = [_begin_part(run, part, results, share) for part in wave]
        for part, each in zip(wave, await run.settled(*works), strict=True):
            if isinstance(each, StepFailed):
                notes.append(f"The part {part.name} could not be done: {each.message}")
            else:
                results[part.name] = each
    return results


def _begin_part(
    run: Run, part: Part, results: Mapping[str, PartResult], share: Decimal | None
) -> Step[PartResult]:
    """Describe the work on one part; `share` is the budget of a child task."""
    known = {name: text for name, text in _list_texts(results).items() if name in part.needs}
    prompt = prompts.ask_for_part(run.prompt, part.instruction, part.acceptance, known)
    if part.kind == "text":
        return run.ask("part", prompt, role="specialist", system=prompts.SPECIALIST)
    return run.task("part", "GENERATE_CODE", prompt, budget_usd=share)


async def _review(
    run: Run, params: ChatParams, whole: Answer, output: dict[str, Any], notes: list[str]
) -> Result:
    """Have a model of another maker review the result, and its author correct it once."""
    step = run.ask(
        "review", prompts.ask_for_review(run.prompt, whole.text), schema=Critique,
        role="reviewer", not_by=[whole], system=prompts.REVIEWER,
    )  # fmt: skip
    try:
        review = await step
    except StepFailed as error:
        notes.append(f"Nobody reviewed the result: {error.message}")
        return Result(whole.text, output=output)
    if step.record and whole.model and read_answer(step.record).model == whole.model:
        notes.append("No other model was available, so the author of the result reviewed it.")
    problems = output["review"] = review.problems[:MAX_PROBLEMS]
    if not problems:
        return Result(whole.text, output=output)
    prompt = prompts.ask_for_correction(run.prompt, whole.text, problems)
    try:
        corrected = await run.ask(
            "correction", prompt, model=whole.model, role="integrator", answer=True,
            with_history=True, params=params.for_step(prompts.INTEGRATOR, prompt),
        )  # fmt: skip
    except StepFailed as error:
        notes.append(f"The result was not corrected: {error.message}")
        return Result(whole.text, output=output)
    return Result(corrected.text, output={**corrected.output, **output})


def _ask_alone(run: Run, params: ChatParams) -> Step[Answer]:
    """Ask one model for the whole work, which could not be divided."""
    settings = {"system": prompts.INTEGRATOR} | params.for_request()
    return run.ask("alone", run.prompt, answer=True, with_history=True, params=settings)


def _get_share(run: Run, parts: int) -> Decimal | None:
    """Return an equal share of what is left, for each of the parts and of the calls after them."""
    if run.budget_left is None:
        return None
    share = max(run.budget_left, Decimal()) / (parts + LATER_CALLS)
    return share.quantize(Decimal("0.000001"), rounding=ROUND_DOWN)


def _list_texts(results: Mapping[str, PartResult]) -> dict[str, str]:
    """Return the text of each part, with what running its code has shown."""
    shown = {name: describe_result(each.output) for name, each in results.items()}
    return {
        name: f"{each.text}\n\n({shown[name]})" if shown[name] else each.text
        for name, each in results.items()
    }


def plan_waves(parts: list[Part]) -> tuple[list[list[Part]], list[str]]:
    """Return the parts in groups that can be done at the same time, and notes about the plan.

    Needs of unknown parts, and those in a circle, are ignored.
    """
    waves: list[list[Part]] = []
    done: set[str] = set()
    left = list({each.name: each for each in parts}.values())
    names = {each.name for each in left}
    while left:
        ready = [each for each in left if names.intersection(each.needs) <= done] or left
        waves.append(ready)
        done |= {each.name for each in ready}
        left = [each for each in left if each not in ready]
    notes = []
    if len(waves) == len(names) > 1:
        notes.append(
            "The plan is sequential: several agents add cost and no speed; a single task may do."
        )
    return waves, notes
