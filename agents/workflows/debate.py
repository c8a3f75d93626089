"""DEBATE: independent answers first; only where they differ are they argued over and decided."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agents.workflows.coding.results import format_usd
from agents.workflows.engine import Result, Run, Step, StepFailed, workflow
from agents.workflows.engine.readers import read_models
from agents.workflows.params import ChatParams
from agents.workflows.prompts import debate as prompts

DEBATERS = 3


class Position(BaseModel):
    """What a debater holds, and why."""

    model_config = ConfigDict(extra="forbid")

    verdict: str = Field(min_length=1, max_length=500)
    reasons: list[str]
    evidence: list[str]
    confidence: int = Field(ge=0, le=100)
    would_change: str

    def to_text(self) -> str:
        """Return it for other models and for people, without its author."""
        reasons = "\n".join(f"- {each}" for each in self.reasons)
        evidence = "\n".join(f"- {each}" for each in self.evidence) or "- none"
        return (
            f"{self.verdict} (confidence {self.confidence})\n\nReasons:\n{reasons}\n\n"
            f"Evidence:\n{evidence}\n\nWould change it: {self.would_change}"
        )


class Reply(Position):
    """The position after the others were read."""

    attack: str


@workflow("DEBATE", params=ChatParams)
async def debate(run: Run) -> Result:
    """Ask models of different makers independently; if they differ, reply once and decide.

    At most seven calls. The dissent and the votes are part of the result.
    """
    params = run.params_as(ChatParams)
    decision = run.decide("different_models", count=DEBATERS + 1, role="debater")
    debaters, judge, notes = _cast(read_models(decision))
    question = prompts.ask_for_position(run.prompt)
    asked: list[Step[Any]] = [
        run.ask(
            f"position_{number}", question, schema=Position, model=model, role="debater",
            with_history=True, params=params.for_step(prompts.DEBATER, question),
        )
        for number, model in enumerate(debaters, start=1)
    ]  # fmt: skip
    opened = await run.settled(*asked)
    positions = {
        model: each
        for model, each in zip(debaters, opened, strict=True)
        if isinstance(each, Position)
    }
    failed = [each for each in opened if isinstance(each, StepFailed)]
    if not positions:
        raise failed[0]
    notes += [f"A debater could not answer: {each.message}" for each in failed]
    if _agree(positions):
        return _build_agreement(positions, notes, build_debate_receipt(asked, decision))
    closed: Mapping[str, Position] = positions
    if _can_pay_round(run):
        closed = positions | await _argue(run, positions, params, asked)
    else:
        notes.append("The budget did not allow a second round.")
    votes = _list_votes(positions, closed)
    question = prompts.ask_for_decision(run.prompt, [p.to_text() for p in closed.values()], votes)
    last = run.ask(
        "decision", question, model=judge, role="judge", answer=True, with_history=True,
        params=params.for_step(prompts.JUDGE, question),
    )  # fmt: skip
    asked.append(last)
    try:
        decided = await last
    except StepFailed as error:
        notes.append(f"Nobody decided the debate: {error.message}")
        return _build_undecided(closed, votes, notes, build_debate_receipt(asked, decision))
    text = f"{decided.text}\n\n## Dissent\n\n{_list_dissent(closed)}\n\n## Votes\n\n{votes}\n"
    receipt = build_debate_receipt(asked, decision)
    return Result(
        text, output=_build_output(positions, closed, notes, receipt, judge=decided.model)
    )


async def _argue(
    run: Run, positions: Mapping[str, Position], params: ChatParams, asked: list[Step[Any]]
) -> dict[str, Position]:
    """Show each debater the positions of the others, without names and in random order.

    The steps are added to `asked`.
    """
    steps = []
    for number, (model, own) in enumerate(positions.items(), start=1):
        others = [each.to_text() for other, each in positions.items() if other != model]
        run.random.shuffle(others)
        prompt = prompts.ask_for_reply(run.prompt, own.to_text(), others)
        steps.append(
            run.ask(
                f"reply_{number}", prompt, schema=Reply, model=model, role="debater",
                with_history=True, params=params.for_step(prompts.DEBATER, prompt),
            )
        )  # fmt: skip
    asked += steps
    replies = await run.settled(*steps)
    return {
        model: each
        for model, each in zip(positions, replies, strict=True)
        if isinstance(each, Reply)
    }


def _cast(models: Sequence[str]) -> tuple[Sequence[str], str, list[str]]:
    """Return the debaters, the judge, and notes on what had to be left out."""
    match len(models):
        case 1:
            return models, models[0], ["Only one model was available, so nobody disagreed with it."]
        case 2:
            return models, models[0], ["Two models debated, and one of them decided."]
        case 3:
            return models[:2], models[2], ["Two models debated, because three were available."]
        case _:
            return models[:-1], models[-1], []


def _can_pay_round(run: Run) -> bool:
    """Return whether the budget allows a decision and another round as expensive as the first."""
    left, budget = run.budget_left, run.brief.budget_usd
    return left is None or budget is None or left >= (budget - left) * 4 / 3


def _agree(positions: Mapping[str, Position]) -> bool:
    return len({normalize_verdict(each.verdict) for each in positions.values()}) == 1


def normalize_verdict(text: str) -> str:
    """Return a verdict without what two people who agree may write differently."""
    words = re.sub(r"[^\w%+#.-]+", " ", text.casefold()).split()
    return " ".join(word.strip(".-") for word in words if word not in {"a", "an", "the"})


def build_debate_receipt(asked: Sequence[Step[Any]], decision: JsonValue) -> dict[str, JsonValue]:
    """Return what the calls have cost, and an estimate for one answer of the strongest model."""
    costs = [each.record.cost_usd if each.record else None for each in asked]
    cost = None if None in costs else sum((each for each in costs if each), Decimal())
    calls = "One call" if len(asked) == 1 else f"The debate of {len(asked)} calls"
    sentence = f"{calls} cost {'an unknown amount' if cost is None else format_usd(cost)}"
    strongest = decision.get("strongest") if isinstance(decision, dict) else None
    strongest = strongest if isinstance(strongest, dict) else {}
    model, usd = strongest.get("model"), strongest.get("expected_usd")
    if isinstance(model, str) and isinstance(usd, int | float):
        expected = format_usd(Decimal(str(usd)))
        sentence += f"; one answer of {model}, the strongest: about {expected} (estimate)"
    return {
        "sentence": f"{sentence}.",
        "calls": len(asked),
        "cost_usd": None if cost is None else float(cost),
        "strongest": {"model": model, "estimated_usd": usd} if model else None,
    }


def _build_agreement(
    positions: Mapping[str, Position], notes: list[str], receipt: JsonValue
) -> Result:
    first = next(iter(positions.values()))
    reasons = dict.fromkeys(reason for each in positions.values() for reason in each.reasons)
    doubts = dict.fromkeys(each.would_change for each in positions.values() if each.would_change)
    who = "Every model agreed, independently." if len(positions) > 1 else "One model answered."
    text = "\n".join(
        [
            first.verdict, "", who, "", "## Reasons", "", *(f"- {each}" for each in reasons), "",
            "## What would change it", "", *(f"- {each}" for each in doubts), "", "## Votes", "",
            _list_votes(positions, positions), "",
        ]
    )  # fmt: skip
    return Result(text, output=_build_output(positions, positions, notes, receipt, judge=None))


def _build_undecided(
    closed: Mapping[str, Position], votes: str, notes: list[str], receipt: JsonValue
) -> Result:
    shown = "\n\n".join(each.to_text() for each in closed.values())
    output = _build_output(closed, closed, notes, receipt, judge=None)
    return Result(f"No decision was made.\n\n{shown}\n\n## Votes\n\n{votes}\n", output=output)


def _find_majority(closed: Mapping[str, Position]) -> str:
    verdicts = [normalize_verdict(each.verdict) for each in closed.values()]
    return max(verdicts, key=lambda each: (verdicts.count(each), -verdicts.index(each)))


def _list_dissent(closed: Mapping[str, Position]) -> str:
    majority = _find_majority(closed)
    lines = [
        f"- {model}: {_flatten(each.verdict).rstrip('.')}. {' '.join(each.reasons[:2])}"
        for model, each in closed.items()
        if normalize_verdict(each.verdict) != majority
    ]
    return "\n".join(lines) or "None: after the replies all agreed."


def _list_votes(before: Mapping[str, Position], after: Mapping[str, Position]) -> str:
    return "\n".join(f"- {model}: {_tell(first, after[model])}" for model, first in before.items())


def _tell(first: Position, last: Position) -> str:
    """Return a vote, and how it changed when the others were read."""
    vote = f"{_flatten(first.verdict)} (confidence {first.confidence})"
    if normalize_verdict(first.verdict) != normalize_verdict(last.verdict):
        return f"{vote}, then {_flatten(last.verdict)} (confidence {last.confidence})"
    changed = "" if first.confidence == last.confidence else f", then confidence {last.confidence}"
    return f"{vote}{changed}"


def _flatten(text: str) -> str:
    return " ".join(text.split())


def _build_output(
    before: Mapping[str, Position],
    after: Mapping[str, Position],
    notes: list[str],
    receipt: JsonValue,
    *,
    judge: str | None,
) -> dict[str, JsonValue]:
    votes: list[JsonValue] = [
        {"model": model, "before": each.model_dump(), "after": after[model].model_dump()}
        for model, each in before.items()
    ]
    return {"votes": votes, "decided_by": judge, "notes": [*notes], "receipt": receipt}
