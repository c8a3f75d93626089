"""Prompts of STRATEGY."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from agents.quoting import quote_data

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
_FORM: Final = (
    "Answer as JSON. `architecture` is the approach: its parts, how they hang together, and the "
    "assumptions. `steps` are in the order in which they are done; each has a `title`, the `work`, "
    "and `done_when`: how one sees that it is done. `challenges` are what may go wrong, each "
    "`risk` with your `answer` to it. `resources` are the people, systems, time and money needed."
)


def ask_for_plan(question: str) -> str:
    """Ask for a plan as data."""
    return f"{question}\n\n{_FORM}"


def ask_for_revision(question: str, plan: JsonValue, problems: Sequence[str]) -> str:
    """Ask for the plan again, with its problems solved."""
    return (
        f"{question}\n\nThis is a first version of your plan:\n\n{quote_data('plan', plan)}\n\n"
        f"A critic found:\n\n{quote_data('problems', [*problems])}\n\n"
        "Write the plan again, complete, with these problems solved. Where the critic is wrong, "
        f"keep your text and say why. Do not mention the first version. {_FORM}"
    )
