"""Prompts of DEBATE."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from agents.quoting import quote_data

PERSPECTIVES: Final[Mapping[str, str]] = {
    "optimistic": "Look first at what speaks for it: what could be won, and what makes it work.",
    "cautious": "Look first at what could go wrong: traps, costs, and what others overlook.",
    "balanced": "Look at both sides from the start, and weigh them against each other.",
}
"""What each debater looks at first."""
_DEBATER: Final = (
    "You answer a question on which good judges may differ. Decide, and argue from evidence that "
    "could be checked. Be as sure as the evidence allows, and no more. {view} That is where you "
    "begin, not what you must conclude: if the question has one right answer, give that one."
)
JUDGE: Final = (
    "You decide a debate in which you took no part. Weigh the arguments, not their number, their "
    "order or their tone. Check what can be checked by yourself before you believe anybody."
)
COMPARER: Final = "You compare short answers. You judge what they mean, not whether they are right."


def describe_debater(perspective: str) -> str:
    """Return the system prompt of a debater."""
    return _DEBATER.format(view=PERSPECTIVES[perspective])


def ask_for_position(question: str) -> str:
    """Ask for a position, without those of others."""
    return (
        f"{question}\n\n"
        "Answer as JSON. `verdict` is your answer in at most ten words, without reasons, worded so "
        "that two people who agree would write the same. `reasons` are your arguments, the "
        "strongest first. `evidence` is what supports them and could be checked. `confidence` is "
        "from 0 to 100. `would_change` is what would change your mind."
    )


def ask_for_comparison(question: str, verdicts: Sequence[str]) -> str:
    """Ask which answers say the same."""
    numbered: JsonValue = {str(number): each for number, each in enumerate(verdicts, start=1)}
    return (
        f"These answers were given to one question.\n\n{quote_data('question', question)}\n\n"
        f"{quote_data('answers', numbered)}\n\n"
        "Answer as JSON. `groups` has lists of the numbers of answers that say the same in other "
        "words, so that who follows one follows the others too; an answer that says something "
        "else, or only under a condition, is a group of its own. Every number is in one group."
    )


def ask_for_reply(question: str, own: JsonValue, others: Sequence[JsonValue]) -> str:
    """Ask to attack the strongest opposing point, and to keep or change the position."""
    return (
        f"{question}\n\nYou said:\n\n{quote_data('own_position', own)}\n\n"
        f"Others, who had not read you, said:\n\n{quote_data('positions', [*others])}\n\n"
        "Find the strongest point against your verdict and attack it as well as you can; that is "
        "`attack`. Then keep or change your verdict, and give the reason; agreeing for the sake of "
        "agreement helps nobody. If you keep it, repeat `verdict` word for word. If you now share "
        "the verdict of another position, use its words. Answer as JSON, with the other fields as "
        "before."
    )


def ask_for_ruling(question: str, positions: Mapping[int, JsonValue]) -> str:
    """Ask who is right, with all positions and how they changed."""
    shown: JsonValue = {str(number): each for number, each in positions.items()}
    return (
        f"{question}\n\nThese positions were taken independently; `before` is there if one changed "
        f"when its author had read the others.\n\n{quote_data('positions', shown)}\n\n"
        "Decide. Answer as JSON. `decision` is the answer to the question in at most ten words, in "
        "the words of the position that you follow, if you follow one. `explanation` is why, with "
        "the strongest objection, and what would decide the question for good. `evidence` is what "
        "carries the decision and could be checked. `agreeing` has the numbers of the positions "
        "that came to the same decision in the end."
    )
