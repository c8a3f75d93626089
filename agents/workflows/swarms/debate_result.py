"""The result of a debate: its verdict with the dissent, the votes, the parts and the cost. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from agents.workflows.coding.results import format_usd
from agents.workflows.engine import Panel, Result, Step
from agents.workflows.parts import COMPLETE, Parts
from agents.workflows.swarms.agreement import can_all_hold, normalize_verdict
from agents.workflows.swarms.debate_record import DebateRecord
from agents.workflows.swarms.positions import Ruling, flatten, list_items


def build_agreement(record: DebateRecord, panel: Panel) -> Result:
    """Return the result of a debate in which nobody differed."""
    positions = [*record.positions.values()]
    reasons = dict.fromkeys(reason for each in positions for reason in each.reasons)
    doubts = dict.fromkeys(each.would_change for each in positions if each.would_change)
    evidence = list(dict.fromkeys(fact for each in positions for fact in each.evidence))
    who = "Every model agreed, independently." if len(positions) > 1 else "One model answered."
    text = _join(
        flatten(positions[0].verdict), who, list_items("## Reasons", [*reasons]),
        list_items("## What would change it", [*doubts]), _list_votes(record),
    )  # fmt: skip
    verdict = {"decision": positions[0].verdict, "dissent": [], "evidence": evidence}
    return _build(record, panel, text, verdict)


def build_decision(record: DebateRecord, panel: Panel, ruling: Ruling) -> Result:
    """Return the result of a debate that a model has decided."""
    dissent = list_dissent(record, ruling)
    text = _join(
        flatten(ruling.decision), ruling.explanation, list_items("## Evidence", ruling.evidence),
        list_items("## Dissent", dissent or ["None: in the end all agreed."]), _list_votes(record),
    )  # fmt: skip
    verdict = {
        "decision": ruling.decision, "dissent": dissent, "evidence": ruling.evidence,
        "explanation": ruling.explanation,
    }  # fmt: skip
    return _build(record, panel, text, verdict, spoken=f"{ruling.decision}\n\n{ruling.explanation}")


def build_undecided(record: DebateRecord, panel: Panel) -> Result:
    """Return the result of a debate that nobody decided: all positions, and no decision."""
    shown = [f"### {name}\n\n{each.to_text()}" for name, each in record.positions.items()]
    text = _join("No decision was made.", *shown, _list_votes(record))
    verdict = {"decision": None, "dissent": list_dissent(record, None), "evidence": []}
    return _build(record, panel, text, verdict)


def list_dissent(record: DebateRecord, ruling: Ruling | None) -> list[str]:
    """Return the positions that differ from the ruling, in their own words.

    The judge says which agree with it, since words may differ; it cannot leave out the others. If
    those that it names contradict it or each other, what it says of them is not used.
    """
    agreeing: set[str] = set()
    if ruling is not None:
        numbers = range(1, len(record.shown) + 1)
        named = {record.shown[each - 1] for each in ruling.agreeing if each in numbers}
        if can_all_hold([ruling.decision, *(record.positions[each].verdict for each in named)]):
            agreeing = named
        decision = normalize_verdict(ruling.decision)
        same = {n for n, p in record.positions.items() if normalize_verdict(p.verdict) == decision}
        agreeing |= same
    return [
        f"{_name(record, name)}: {flatten(each.verdict).rstrip('.')}. {' '.join(each.reasons[:2])}"
        for name, each in record.positions.items()
        if name not in agreeing
    ]


def build_debate_receipt(steps: Sequence[Step[Any]], strongest: JsonValue) -> dict[str, JsonValue]:
    """Return what the calls have cost, and an estimate for one answer of the strongest model."""
    costs = [each.record.cost_usd if each.record else None for each in steps]
    cost = None if None in costs else sum((each for each in costs if each), Decimal())
    calls = "One call" if len(steps) == 1 else f"The debate of {len(steps)} calls"
    sentence = f"{calls} cost {'an unknown amount' if cost is None else format_usd(cost)}"
    strongest = strongest if isinstance(strongest, dict) else {}
    model, usd = strongest.get("model"), strongest.get("expected_usd")
    if isinstance(model, str) and isinstance(usd, int | float):
        expected = format_usd(Decimal(str(usd)))
        sentence += f"; one answer of {model}, the strongest: about {expected} (estimate)"
    return {
        "sentence": f"{sentence}.",
        "calls": len(steps),
        "cost_usd": None if cost is None else float(cost),
        "strongest": {"model": model, "estimated_usd": usd} if model else None,
    }


def _build(
    record: DebateRecord,
    panel: Panel,
    text: str,
    verdict: dict[str, Any],
    *,
    spoken: str | None = None,
) -> Result:
    parts, speakers = Parts(), list[str | None]()
    for name, step in record.openings.items():
        said, reply = record.positions.get(name), record.replies.get(name)
        part = parts.add(
            step,
            perspective=name,
            text=said.to_text() if said else None,
            problem=record.failures.get(name),
            later=[reply] if reply else [],
        )
        if said is not None:
            speakers.append(part.model)
    responses = parts.list_responses()
    if record.comparison is not None:
        said_same = "say the same" if record.is_agreed else "do not all say the same"
        parts.add(record.comparison, text=f"The answers {said_same}.")
    judge = None
    for asked in record.verdicts:
        part = parts.add(asked, agent="verdict", text=spoken)
        judge = part.model if part.status == COMPLETE else None
    speakers += [judge] if judge else []
    twice = sorted({each for each in speakers if each and speakers.count(each) > 1})
    record.notes += [f"{each} spoke for two, because another model failed." for each in twice]
    who = judge or ("all agreed" if verdict["decision"] is not None else "nobody decided")
    votes: list[JsonValue] = [
        {
            "agent": name,
            "model": record.get_model(name),
            "before": each.model_dump(),
            "after": record.positions[name].model_dump(),
        }
        for name, each in record.opened.items()
    ]
    output: dict[str, JsonValue] = {
        "verdict": verdict,
        "votes": votes,
        "decided_by": judge,
        "notes": [*record.notes],
        "receipt": build_debate_receipt(record.list_steps(), dict(panel.strongest)),
    }
    shown = parts.build_output(text, responses=[*responses, f"verdict ({who})\n\n{text}"])
    return Result(text, output=output | shown)


def _list_votes(record: DebateRecord) -> str:
    return list_items("## Votes", [_describe_vote(record, name) for name in record.opened])


def _describe_vote(record: DebateRecord, name: str) -> str:
    """Return a vote, and how it changed when the others were read."""
    first, last = record.opened[name], record.positions[name]
    vote = f"{_name(record, name)}: {flatten(first.verdict)} (confidence {first.confidence})"
    if record.has_changed(name):
        return f"{vote}, then {flatten(last.verdict)} (confidence {last.confidence})"
    changed = "" if first.confidence == last.confidence else f", then confidence {last.confidence}"
    return f"{vote}{changed}"


def _name(record: DebateRecord, name: str) -> str:
    return f"{name} ({record.get_model(name)})"


def _join(*paragraphs: str) -> str:
    return "\n\n".join(each for each in paragraphs if each) + "\n"
