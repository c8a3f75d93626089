"""Prompts of single questions."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from agents.quoting import RULE, enclose, quote_data

ASSISTANT: Final = "You are a helpful assistant. Answer precisely and say when you do not know."


def add_answers(prompt: str, answers: Sequence[str]) -> str:
    """Ask for one answer in place of several, which are shown without their authors."""
    shown = "\n\n".join(
        enclose("answer", answer, number=str(number))
        for number, answer in enumerate(answers, start=1)
    )
    return (
        f"{prompt}\n\n{len(answers)} independent answers to this request follow. Compare them, "
        "find where they disagree and decide who is right, then give one complete answer of your "
        f"own. Do not mention that there were others.\n\n{shown}\n{RULE}"
    )


def ask_for_data(request: str, result: str, own: JsonValue) -> str:
    """Ask for the data in a result; `own` is data that it has in another form."""
    shown = RULE if own is None else f"\n{quote_data('data', own)}"
    return (
        "Give the result below as data. Add nothing that it does not say.\n\n"
        f"{enclose('request', request)}\n\n{enclose('result', result)}\n{shown}"
    )
