"""COORDINATE: a plan, its parts in parallel where they are independent, one result, a review."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents.workflows.critique import MAX_PROBLEMS, Critique
from agents.workflows.engine import Answer, LastStep, Result, Run, Step, StepFailed, workflow
from agents.workflows.params import ChatParams
from agents.workflows.prompts import coordinate as prompts

MAX_PARTS = 6


class Part(BaseModel):
    """One part of the work."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    instruction: str = Field(min_length=1)
    acceptance: str
    needs: list[str]


class Division(BaseModel):
    """The work in parts."""

    model_config = ConfigDict(extra="forbid")

    parts: list[Part] = Field(min_length=1)


@workflow("COORDINATE", params=ChatParams)
async def coordinate(run: Run) -> Result | LastStep:
    """Divide the work, do independent parts at the same time, make one result and review it."""
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
    results: dict[str, str] = {}
    for wave in waves:
        steps = [_ask_specialist(run, part, results) for part in wave]
        for part, each in zip(wave, await run.settled(*steps), strict=True):
            if isinstance(each, Answer):
                results[part.name] = each.text
            else:
                notes.append(f"The part {part.name} could not be done: {each.message}")
    if not results:
        return run.hand_over(_ask_alone(run, params))

    prompt = prompts.ask_for_whole(run.prompt, results)
    whole = await run.ask(
        "whole", prompt, role="integrator", answer=True, with_history=True,
        params=params.for_step(prompts.INTEGRATOR, prompt),
    )  # fmt: skip
    output: dict[str, Any] = {**whole.output, "notes": notes}
    output["parts"] = [each.model_dump() for wave in waves for each in wave]
    try:
        review = await run.ask(
            "review", prompts.ask_for_review(run.prompt, whole.text), schema=Critique,
            role="reviewer", not_by=[whole], system=prompts.REVIEWER,
        )  # fmt: skip
    except StepFailed as error:
        notes.append(f"Nobody reviewed the result: {error.message}")
        return Result(whole.text, output=output)
    problems = output["review"] = review.problems[:MAX_PROBLEMS]
    if not problems:
        return Result(whole.text, output=output)
    prompt = prompts.ask_for_correction(run.prompt, whole.text, problems)
    corrected = await run.ask(
        "correction", prompt, model=whole.model, role="integrator", answer=True, with_history=True,
        params=params.for_step(prompts.INTEGRATOR, prompt),
    )  # fmt: skip
    return Result(corrected.text, output={**corrected.output, **output})


def _ask_alone(run: Run, params: ChatParams) -> Step[Answer]:
    """Ask one model for the whole work, which could not be divided."""
    settings = {"system": prompts.INTEGRATOR} | params.for_request()
    return run.ask("alone", run.prompt, answer=True, with_history=True, params=settings)


def _ask_specialist(run: Run, part: Part, results: Mapping[str, str]) -> Step[Answer]:
    known = {name: results[name] for name in part.needs if name in results}
    prompt = prompts.ask_for_part(run.prompt, part.instruction, part.acceptance, known)
    return run.ask("part", prompt, role="specialist", system=prompts.SPECIALIST)


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
