"""How long a prompt and its answer will be, in tokens, before anybody counted."""

from typing import Final

from agents.selection.prompt_features import DENSE
from agents.selection.requirements import Requirements

CHARACTERS_PER_TOKEN: Final = 3.0
"""A cautious estimate: code has more tokens per character than prose."""
LEAST_ANSWER: Final = 1_000
"""The least room that an answer needs beside the prompt."""

_ANSWERS: Final = {
    "code-generation": 900,
    "code-optimization": 1_100,
    "code-analysis": 1_200,
    "specialized-coding": 1_200,
}
_ANSWER: Final = 700
_COMPLEXITY: Final = {"low": 0.5, "medium": 1.0, "high": 2.0}


def estimate_input_tokens(needs: Requirements, prompt_characters: int) -> int:
    """Give what was stated, else an estimate on the high side."""
    if needs.input_tokens is not None:
        return needs.input_tokens
    dense = bool(needs.natural_languages) and needs.natural_languages[0] in DENSE
    return int(prompt_characters / (1.0 if dense else CHARACTERS_PER_TOKEN))


def estimate_output_tokens(needs: Requirements) -> int:
    """Give what was stated, else what such tasks usually take."""
    if needs.output_tokens is not None:
        return needs.output_tokens
    return int(_ANSWERS.get(needs.task_type, _ANSWER) * _COMPLEXITY[needs.complexity])
