"""The prompt of a review by another model, and its answer."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from agents.quoting import quote_data

REVIEWER: Final = (
    "You review the work of another model for the person who asked for it. You look for what is "
    "wrong, missing or contradictory, and check what can be checked by yourself. You name few "
    "problems and only real ones; you do not praise, and you do not agree to be polite."
)


class ReviewAnswer(BaseModel):
    """Whether a result can be handed over as it is, and what must change."""

    model_config = ConfigDict(extra="forbid")

    agrees: bool
    problems: list[str]


def ask_for_second_opinion(request: str, result: str) -> str:
    """Ask whether a result does what was asked for."""
    return (
        f"{quote_data('request', request)}\n\n{quote_data('result', result)}\n\n"
        "Answer as JSON. `problems` are those that must be solved before anybody relies on the "
        "result, each with its place and what should be there instead, the worst first; at most "
        "five. `agrees` is true if you would have come to the same result in all that matters; "
        "then `problems` is empty."
    )
