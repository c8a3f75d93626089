"""Priors: what to expect of models and kinds of work before anything was observed.

The numbers are guesses, which what is observed replaces. None of them depends on a price.
"""

import re
from collections.abc import Mapping
from math import inf, log2
from typing import Final

from agents.selection.model_profiles import ModelProfile
from agents.selection.requirements import Complexity, Requirements

_CAPABILITIES: Final = {
    "code-generation": "code-generation",
    "code-optimization": "code-generation",
    "code-analysis": "code-analysis",
    "specialized-coding": "specialized-coding",
}
EASE: Final[Mapping[str, float]] = {
    "chat": 2.5,
    "translation": 1.5,
    "extraction": 1.0,
    "summary": 1.0,
    "writing": 0.8,
    "general": 0.4,
    "maths": -0.3,
}
"""The log odds by which models do a kind of work better than others, such as code."""
COMPLEXITY_EASE: Final[Mapping[Complexity, float]] = {"low": 1.0, "medium": 0.0, "high": -0.7}
"""The log odds that the complexity of a task adds."""
_SIZE: Final = re.compile(
    r"(?<![a-z0-9.])(?:(?P<experts>\d{1,2})x)?(?P<count>\d{1,4}(?:\.\d{1,2})?)(?P<unit>[bm])"
    r"(?![a-z0-9])"
)
_ODDS_PER_DOUBLING: Final = 0.38
"""What doubling the parameters of small models gained at MMLU, chance taken off: Qwen2.5 of 0.5,
1.5, 3 and 7 billion parameters answered 47.5, 60.9, 65.6 and 74.2 % (Qwen2.5 Technical Report,
December 2024, arxiv.org/abs/2412.15115)."""
_USUAL_BILLIONS: Final = 10.0
"""The size from which on no less is expected than of any model: there that line reaches `BASE`."""
_LEAST_ABILITY: Final = -3.0
_ANSWER_TOKENS: Final = {
    "code-generation": 900,
    "code-optimization": 1_100,
    "code-analysis": 1_200,
    "specialized-coding": 1_200,
    "chat": 300,
    "extraction": 300,
    "maths": 1_000,
    "writing": 1_000,
}
_OTHER_ANSWER_TOKENS: Final = 700
LENGTHS: Final[Mapping[Complexity, float]] = {"low": 0.5, "medium": 1.0, "high": 2.0}
"""Factor on the length of an answer."""
LONGEST_S: Final = 3_600.0
"""Seconds; a measurement that says more counts as that, or as none."""
TEXT_CALLS_FAIL: Final = 0.05
"""The share of tasks with tools at which a model that writes calls as text is expected to fail."""
TEXT_CALLS_REJECTED: Final = 0.1
"""The share of its calls that are expected to be rejected."""
_REASONING_TOKENS: Final = 1.5
"""Factor on the tokens of a model that reasons unasked."""
_REASONING_FACTORS: Final = {"low": 1.25, "medium": 1.5, "high": 2.0}
"""Factor on the duration of an answer that is preceded by reasoning."""


def find_parameters(model_id: str) -> float | None:
    """Return the billions of parameters that the name of an open-weight model states, if it does.

    Of a mixture of experts it is the number of all (`30b-a3b`, `8x7b`).
    """
    found = _SIZE.search(model_id.casefold())
    if found is None:
        return None
    count = float(found["count"]) * float(found["experts"] or 1)
    return count if found["unit"] == "b" else count / 1_000


def guess_ability(model_id: str, parameters: float | None = None) -> float:
    """Return the log odds by which a model is expected to be worse than others because it is small.

    `parameters` are its billions, as its server says; else its name tells. A large one is expected
    to be no better: its size says less than its age.
    """
    size = parameters or find_parameters(model_id)
    if not size or not 0 < size < inf:
        return 0.0
    return max(_LEAST_ABILITY, min(0.0, _ODDS_PER_DOUBLING * log2(size / _USUAL_BILLIONS)))


def map_to_capability(needs: Requirements) -> str:
    """Return the catalogue's capability that a kind of work calls for."""
    return _CAPABILITIES.get(needs.kind, "general")


def guess_output_tokens(kind: str) -> int:
    """Return the usual tokens of an answer of medium length, without reasoning."""
    return _ANSWER_TOKENS.get(kind, _OTHER_ANSWER_TOKENS)


def guess_wordiness(profile: ModelProfile) -> float:
    """Return the factor of a model on the usual tokens."""
    return _REASONING_TOKENS if profile.reasons_by_default else 1.0


def guess_first_token_s(profile: ModelProfile) -> float:
    """Return the seconds to the first piece of the answer, or of reasoning where it is shown."""
    if profile.measured is not None and 0 < profile.measured.first_token_s <= LONGEST_S:
        return profile.measured.first_token_s
    if profile.reasons_by_default:
        return 2.0
    return 0.6 if "performance" in profile.capabilities else 1.2


def guess_total_s(profile: ModelProfile, kind: str, complexity: Complexity) -> float:
    """Return the seconds to the end of an answer: at the measured speed, where there is one."""
    if profile.measured is not None and 0 < profile.measured.tokens_per_s < inf:
        tokens = guess_output_tokens(kind) * LENGTHS[complexity] * guess_wordiness(profile)
        seconds = guess_first_token_s(profile) + tokens / profile.measured.tokens_per_s
        return min(seconds, LONGEST_S)
    pace = 6.0 if "performance" in profile.capabilities else 15.0
    reasoning = _REASONING_FACTORS[complexity] if profile.reasons_by_default else 1.0
    return guess_first_token_s(profile) + LENGTHS[complexity] * pace * reasoning
