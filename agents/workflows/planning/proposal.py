"""The plan of AUTO: what a model proposes, and everything that can be wrong with it. Pure.

A plan says what is done, and never what the task may do: it names no owner, model, tool, budget of
others, data policy or param. Whatever else it has is refused.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents.extraction.paths import check_file_path
from agents.workflows.planning.blueprint import make_step_keys
from agents.workflows.planning.waves import find_circle, list_waves

MAX_STEPS: Final = 20
MAX_DEPTH: Final = 8
"""Steps that wait for each other in a row."""
MAX_INSTRUCTION: Final = 20_000
MAX_PLAN: Final = 100_000
"""Characters of all instructions together."""
MAX_BUDGET_USD: Final = 1_000_000
"""Of a step. A child task with a budget that no database takes would fail."""
MAX_ERRORS: Final = 10
"""Mistakes that are told."""

ASK: Final = "ASK"
"""A question to one model, which is no child task."""


class StepType(NamedTuple):
    """A type of steps."""

    purpose: str
    """What planners are told."""
    role: str
    """For which the price of a call is asked."""
    calls: int = 1
    """Calls of models that it usually makes, the longest way of a debate included."""


STEP_TYPES: Final[Mapping[str, StepType]] = {
    ASK: StepType(
        "one answer of one model: text, a summary, an explanation, the final result", "answer"
    ),
    "GENERATE_CODE": StepType(
        "a program, which is run and tested before others build on it", "coding", 3
    ),
    "ANALYZE_CODE": StepType("findings about code: a review, bugs", "coding"),
    "OPTIMIZE_CODE": StepType("a faster version of code, proven by timing", "coding", 3),
    "STRATEGY": StepType(
        "a plan for people: architecture, steps, challenges, resources", "strategic", 3
    ),
    "DEBATE": StepType(
        "a decision on which good judges may differ, by several models; expensive", "strategic", 8
    ),
}
"""What a plan may consist of."""
PLANNERS: Final = frozenset({"AUTO", "COORDINATE"})
"""Types that plan themselves: there is no second planner."""


class ProposedStep(BaseModel):
    """One step."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    type: str = Field(min_length=1, max_length=100, json_schema_extra={"enum": [*STEP_TYPES]})
    instruction: str = Field(min_length=1, max_length=MAX_INSTRUCTION)
    needs: list[str] = Field(max_length=MAX_STEPS)
    language: str | None = Field(max_length=100)
    file: str | None = Field(max_length=200)
    """The path of the program of a GENERATE_CODE."""
    budget_usd: float | None
    """The most that it may cost, of the budget of the task."""


class Proposal(BaseModel):
    """The steps of a task."""

    model_config = ConfigDict(extra="forbid")

    tasks: list[ProposedStep] = Field(min_length=1, max_length=MAX_STEPS)

    def to_text(self) -> str:
        """Return it for people."""
        return "\n".join(
            f"{number}. **{each.name}** ({each.type}): {each.instruction}"
            for number, each in enumerate(self.tasks, start=1)
        )

    def list_types(self) -> list[str]:
        """Return the types of the steps, CHAT as the question that it is."""
        return [_normalize_type(each.type) for each in self.tasks]

    def arrange(self) -> dict[str, ProposedStep]:
        """Return the steps of a plan without mistakes by their keys, which are also their needs."""
        keys = make_step_keys([each.name for each in self.tasks])
        by_name = dict(zip((each.name for each in self.tasks), keys, strict=True))
        return {
            key: each.model_copy(
                update={"name": key, "type": kind, "needs": [by_name[need] for need in each.needs]}
            )
            for key, kind, each in zip(keys, self.list_types(), self.tasks, strict=True)
        }


def list_plan_mistakes(
    proposal: Proposal, *, budget_left: Decimal | None, estimated_usd: float | None
) -> list[str]:
    """Return what is wrong with a plan, each as a sentence that a model can act on; else nothing.

    `estimated_usd` is what the steps cost by expectation, None if that is not known.
    """
    found = [*_check_steps(proposal.tasks), *_check_order(proposal.tasks)]
    found += _check_money(proposal.tasks, budget_left, estimated_usd)
    if len(found) > MAX_ERRORS:
        found[MAX_ERRORS:] = [f"There are {len(found) - MAX_ERRORS} more mistakes."]
    return found


def _normalize_type(name: str) -> str:
    wanted = name.strip().upper()
    return ASK if wanted == "CHAT" else wanted


def _check_steps(steps: Sequence[ProposedStep]) -> Iterator[str]:
    names = Counter(each.name for each in steps)
    yield from (f"{count} steps are named {name}." for name, count in names.items() if count > 1)
    if (characters := sum(len(each.instruction) for each in steps)) > MAX_PLAN:
        yield f"The instructions have {characters} characters together; at most {MAX_PLAN}."
    allowed = ", ".join(STEP_TYPES)
    files: set[str] = set()
    for each in steps:
        kind = _normalize_type(each.type)
        if kind in PLANNERS:
            yield f"{each.name}: {kind} would plan again, so no step may be of that type."
        elif kind not in STEP_TYPES:
            yield f"{each.name}: there is no type {each.type!r} for steps; there are {allowed}."
        if not each.instruction.strip():
            yield f"{each.name}: its instruction is empty."
        if each.file is None:
            continue
        if kind != "GENERATE_CODE":
            yield f"{each.name}: only a GENERATE_CODE has a file."
        try:
            check_file_path(each.file)
        except ValueError as error:
            yield f"{each.name}: {error}."
        if each.file.casefold() in files:
            yield f"{each.name}: another step writes {each.file} already."
        files.add(each.file.casefold())


def _check_order(steps: Sequence[ProposedStep]) -> Iterator[str]:
    needs = {each.name: each.needs for each in steps}
    for each in steps:
        for name in dict.fromkeys(each.needs):
            if name not in needs:
                yield f"{each.name} needs {name!r}, and there is no such step."
    if circle := find_circle(needs):
        yield f"Steps need each other in a circle: {' needs '.join([*circle, circle[0]])}."
    elif (depth := len(list_waves(needs))) > MAX_DEPTH:
        yield f"{depth} steps wait for each other in a row; at most {MAX_DEPTH}."


def _check_money(
    steps: Sequence[ProposedStep], left: Decimal | None, estimated_usd: float | None
) -> Iterator[str]:
    stated = [each for each in steps if each.budget_usd is not None]
    for each in stated:
        # Written so that a number that is none is refused, too.
        if not 0 < (each.budget_usd or 0) <= MAX_BUDGET_USD:
            yield f"{each.name}: its budget_usd must be more than 0, at most {MAX_BUDGET_USD:,}."
    if left is None:
        return
    total = sum(each.budget_usd or 0 for each in stated)
    if total > left:
        yield f"The steps have budgets of ${total:g} together, and ${max(left, 0):g} are left."
    if estimated_usd is not None and estimated_usd > left:
        yield f"The steps cost about ${estimated_usd:.2g}, and ${max(left, 0):.2g} are left."


def divide_budget(steps: Sequence[ProposedStep], left: Decimal | None) -> dict[str, Decimal | None]:
    """Return the budget of each step: as planned, else an equal share of what others leave."""
    stated = {each.name: Decimal(str(each.budget_usd)) for each in steps if each.budget_usd}
    others = [each.name for each in steps if each.name not in stated]
    shares: dict[str, Decimal | None] = {**stated, **dict.fromkeys(others)}
    if left is not None and others:
        rest = max(left - sum(stated.values()), Decimal()) / len(others)
        share = rest.quantize(Decimal("0.000001"), rounding=ROUND_DOWN)
        shares |= dict.fromkeys(others, share)
    return shares


def cap_budgets(
    budgets: Mapping[str, Decimal | None], expected: Mapping[str, float], left: Decimal
) -> dict[str, Decimal | None]:
    """Return budgets that together are at most `left`, divided by what each step is to cost."""
    total = sum(expected.values())
    caps = {
        name: left * (Decimal(str(usd / total)) if total else Decimal(1) / len(expected))
        for name, usd in expected.items()
    }
    return {
        name: min(
            caps[name].quantize(Decimal("0.000001"), rounding=ROUND_DOWN),
            caps[name] if budget is None else budget,
        )
        for name, budget in budgets.items()
    }
