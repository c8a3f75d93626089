"""Prompts of DEBATE."""

from collections.abc import Sequence
from typing import Final

DEBATER: Final = (
    "You answer a question on which good judges may differ. Decide, and argue from evidence that "
    "could be checked. Be as sure as the evidence allows, and no more."
)
JUDGE: Final = (
    "You decide a debate in which you took no part. Weigh the arguments, not their number or their "
    "tone. Give the decision first, then the reasons that carry it, then the strongest objection "
    "and what would change the decision."
)


def ask_for_position(question: str) -> str:
    """Ask for a position, without those of others."""
    return (
        f"{question}\n\n"
        "Answer as JSON. `verdict` is your answer in at most ten words, without reasons, worded so "
        "that two people who agree would write the same. `reasons` are your arguments, the "
        "strongest first. `evidence` is what supports them and could be checked. `confidence` is "
        "from 0 to 100. `would_change` is what would change your mind."
    )


def ask_for_reply(question: str, own: str, others: Sequence[str]) -> str:
    """Ask to attack the strongest opposing point, and to keep or change the position."""
    shown = "\n\n".join(
        f'<position number="{number}">\n{each}\n</position>'
        for number, each in enumerate(others, start=1)
    )
    return (
        f"{question}\n\nYou said:\n\n{own}\n\nOthers, who had not read you, said:\n\n{shown}\n\n"
        "Find the strongest point against your verdict and attack it as well as you can; that is "
        "`attack`. Then keep or change your verdict, and give the reason; agreeing for the sake of "
        "agreement helps nobody. If you keep it, repeat `verdict` word for word. If you now share "
        "the verdict of another position, use its words. The other fields are as before."
    )


def ask_for_decision(question: str, positions: Sequence[str], votes: str) -> str:
    """Ask who is right, with all positions and how they changed."""
    shown = "\n\n".join(
        f'<position number="{number}">\n{each}\n</position>'
        for number, each in enumerate(positions, start=1)
    )
    return (
        f"{question}\n\nThese positions were taken independently, and then revised once after each "
        f"had read the others:\n\n{shown}\n\nVotes:\n\n{votes}\n\n"
        "Decide. Say which position is right and why, name the dissent fairly, and say what would "
        "decide the question for good. Do not repeat the list of votes."
    )
