"""Plans in place of a proposal that cannot be used, chosen by the words of the request. Pure."""

import re
from typing import Final

from agents.workflows.planning.proposal import ASK, Proposal, ProposedStep

_SAMPLE: Final = 4_000
"""Characters of a request that are searched."""
_FENCE: Final = re.compile(r"```")
_CODE: Final = re.compile(
    r"\b(?:write|implement|create|generate|build|make|code|program)\b[^\n.]{0,100}"
    r"\b(?:function|class|method|program|script|module|component|endpoint|code|library|cli)\b"
    r"|\b(?:python|javascript|typescript|rust|golang|java|sql)\b",
    re.IGNORECASE,
)
_ANALYSIS: Final = re.compile(r"\b(?:review|debug|bugs?|analy[sz]e|audit|explain)\b", re.IGNORECASE)
_SPEED: Final = re.compile(r"\b(?:optimi[sz]e|faster|speed up|performance)\b", re.IGNORECASE)
_CHOICE: Final = re.compile(
    r"\bshould (?:we|i|they|one)\b|\b(?:pros and cons|versus|vs)\b|\bwhich is better\b",
    re.IGNORECASE,
)
_STRATEGY: Final = re.compile(
    r"\b(?:strategy|roadmap|architecture|plan|migrate|organi[sz]e)\b", re.IGNORECASE
)


def choose_template(request: str) -> Proposal:
    """Return one step of the type that fits the request; its prompt is the request itself."""
    sample = request[:_SAMPLE]
    has_code = _FENCE.search(sample) is not None
    if has_code and _SPEED.search(sample):
        kind = "OPTIMIZE_CODE"
    elif has_code and _ANALYSIS.search(sample):
        kind = "ANALYZE_CODE"
    elif _CHOICE.search(sample):
        kind = "DEBATE"
    elif _CODE.search(sample):
        kind = "GENERATE_CODE"
    elif _STRATEGY.search(sample):
        kind = "STRATEGY"
    else:
        kind = ASK
    step = ProposedStep(
        name="answer", type=kind, instruction="Do what is asked for.", needs=[], language=None,
        file=None, budget_usd=None,
    )  # fmt: skip
    return Proposal(tasks=[step])
