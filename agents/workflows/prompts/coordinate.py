"""Prompts of COORDINATE."""

from collections.abc import Mapping, Sequence
from typing import Final

PLANNER: Final = (
    "You divide work among specialists who cannot talk to each other and see only their own part. "
    "Divide only where parts are independent; a part that needs the result of another one says so. "
    "Fewer parts are better: each must be worth a specialist's time."
)
SPECIALIST: Final = (
    "You do one part of a larger piece of work, completely, with working code where code is asked "
    "for. Others do the other parts; do not do theirs."
)
INTEGRATOR: Final = (
    "You make one complete result of the parts that specialists have done. Solve contradictions "
    "between them, fill gaps, and keep code complete and runnable."
)
REVIEWER: Final = (
    "You review a finished result against its request: what is missing, wrong or contradictory. "
    "You name few problems and only real ones."
)


def ask_for_parts(question: str, most: int) -> str:
    """Ask for the division of work."""
    return (
        f"{question}\n\n"
        f"Divide this into at most {most} parts. Answer as JSON. Each of `parts` has a `name`, an "
        "`instruction` that a specialist can follow without knowing the rest, `acceptance`: how "
        "one sees that it is done, `needs`: the names of the parts whose results it must have "
        "before it can begin, usually none, and its `kind`: `code` for a program that can be "
        "tested by itself, else `text`."
    )


def ask_for_part(
    question: str, instruction: str, acceptance: str, results: Mapping[str, str]
) -> str:
    """Ask a specialist for one part."""
    shown = "".join(
        f'\n\n<result of="{name}">\n{text}\n</result>' for name, text in results.items()
    )
    given = f"\n\nResults that your part builds on:{shown}" if shown else ""
    return (
        f"The whole work:\n\n{question}\n\nYour part:\n\n{instruction}\n\n"
        f"It is done when: {acceptance}{given}"
    )


def ask_for_whole(question: str, results: Mapping[str, str]) -> str:
    """Ask for one result of all parts."""
    shown = "\n\n".join(f'<part name="{name}">\n{text}\n</part>' for name, text in results.items())
    return (
        f"{question}\n\nSpecialists have done these parts:\n\n{shown}\n\nGive the complete result."
    )


def ask_for_review(question: str, result: str) -> str:
    """Ask what must change in a result."""
    return (
        f"The request:\n\n{question}\n\nThe result:\n\n{result}\n\n"
        "Answer as JSON. `problems` are those that must be solved before it is handed over, each "
        "with its place and what to write instead, the worst first; at most five. Leave it empty "
        "if the result can be handed over as it is."
    )


def ask_for_correction(question: str, result: str, problems: Sequence[str]) -> str:
    """Ask for the result again, with its problems solved."""
    listed = "\n".join(f"- {each}" for each in problems)
    return (
        f"{question}\n\nThis is the result so far:\n\n{result}\n\nA reviewer found:\n\n{listed}\n\n"
        "Give the complete result again, with these problems solved. Where the reviewer is wrong, "
        "keep it and say why. Do not mention the earlier version."
    )
