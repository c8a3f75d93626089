"""Who debates and who judges. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.workflows.engine import Panel, PanelMember, StepFailed
from agents.workflows.prompts.debate import PERSPECTIVES

DEBATERS: Final = ("debate_1", "debate_2", "debate_3")
JUDGE: Final = "judge"


@dataclass(frozen=True, slots=True)
class Cast:
    """The debaters by their perspectives, the judge, and what could not be as it should."""

    debaters: dict[str, PanelMember]
    judge: str | None
    """None if no model is left that has not debated."""
    notes: list[str]


def cast_debate(panel: Panel) -> Cast:
    """Return the places of the models of a panel: debaters of different makers, and another judge.

    Models of one maker debate only if there is no other maker. Of three models two debate, since
    nobody should decide a debate in which he took part. Raises StepFailed if there is no model.
    """
    if not panel.members:
        raise StepFailed("panel", "no_model", panel.problem or "no model is available")
    first_of_maker = {each.maker: each for each in reversed(panel.members) if each.role != JUDGE}
    speakers = [each for each in panel.members if each.role != JUDGE]
    different = [each for each in speakers if first_of_maker[each.maker] is each]
    debaters = different if len(different) > 1 else speakers
    judge = next((each for each in panel.members if each not in debaters), None)
    if judge is None and len(debaters) == len(DEBATERS):
        judge = debaters.pop()
    named = dict(zip(PERSPECTIVES, debaters, strict=False))
    return Cast(named, judge.model if judge else None, _list_notes(debaters, judge))


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
