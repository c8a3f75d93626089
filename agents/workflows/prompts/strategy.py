"""Prompts of STRATEGY."""

from collections.abc import Sequence
from typing import Final

STRATEGIST: Final = (
    "You are a strategist for software and organisations. Give the architecture or approach, the "
    "steps in their order, the risks with what to do about each, and the resources needed. "
    "Name your assumptions, and what would change your advice."
)
CRITIC: Final = (
    "You look for what makes plans fail when they are carried out: a goal that can be read in two "
    "ways, work that two people or nobody would do, a step without an end, a result that nobody "
    "could check. You name few problems and only real ones."
)


def ask_for_critique(question: str, plan: str) -> str:
    """Ask what must change in a plan."""
    return (
        f"The request:\n\n{question}\n\nThe plan:\n\n{plan}\n\n"
        "Answer as JSON. `problems` are those that must be solved before anybody begins, each with "
        "the place in the plan and what to write instead, the worst first; at most five. Leave it "
        "empty if the plan can be carried out as it is."
    )


def ask_for_revision(question: str, plan: str, problems: Sequence[str]) -> str:
    """Ask for the plan again, with its problems solved."""
    listed = "\n".join(f"- {each}" for each in problems)
    return (
        f"{question}\n\nThis is a first version of your plan:\n\n{plan}\n\n"
        f"A critic found:\n\n{listed}\n\n"
        "Write the plan again, complete, with these problems solved. Where the critic is wrong, "
        "keep your text and say why. Do not mention the first version."
    )
