"""Who debates and who judges. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.workflows.engine import Panel, PanelMember, StepFailed
from agents.workflows.prompts.debate import PERSPECTIVES

DEBATERS: Final = ("debate_1", "debate_2", "debate_3")
JUDGES: Final = ("judge", "judge_2")
"""The second one decides if the first one fails."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The debaters by their perspectives, the judge, and what could not be as it should."""

    debaters: dict[str, PanelMember]
    judges: list[str]
    """The models that decide, in turn; none if no model is left that has not debated."""
    notes: list[str]


def cast_debate(panel: Panel) -> Cast:
    """Return the places of the models of a panel: debaters of different makers, and another judge.

    Models of one maker debate only if there is no other maker. Of three models two debate, since
    nobody should decide a debate in which he took part. Raises StepFailed if there is no model.
    """
    if not panel.members:
        raise StepFailed("panel", "no_model", panel.problem or "no model is available")
    speakers = [each for each in panel.members if each.role not in JUDGES]
    first_of_maker = {each.maker: each for each in reversed(speakers)}
    different = [each for each in speakers if first_of_maker[each.maker] is each]
    debaters = different if len(different) > 1 else speakers
    judges = [each for each in panel.members if each.role in JUDGES]
    judges += [each for each in speakers if each not in debaters]
    if not judges and len(debaters) == len(DEBATERS):
        judges.append(debaters.pop())
    named = dict(zip(PERSPECTIVES, debaters, strict=False))
    notes = _list_notes(debaters, judges[0] if judges else None)
    return Cast(named, [each.model for each in judges], notes)


def _list_notes(debaters: Sequence[PanelMember], judge: PanelMember | None) -> list[str]:
    """Return a sentence for each way in which the cast is less than it should be."""
    notes = []
    match len(debaters):
        case 1:
            notes.append("Only one model was available, so nobody disagreed with it.")
        case count if count < len(DEBATERS):
            notes.append("Two models debated, because there were no more of different makers.")
    makers = {each.maker for each in debaters}
    if len(debaters) > len(makers):
        notes.append(f"All debaters are models of {min(makers)}: no other maker was available.")
    if judge is None and len(debaters) > 1:
        notes.append("No model was left that had not debated, so there was no judge.")
    if judge is not None and judge.maker in makers:
        notes.append(f"The judge {judge.model} is of the maker of a debater.")
    return notes
