"""The documented rules: which role of the catalogue a piece of work calls for.

The first rule that applies decides:

1. specialised coding            -> the coding model (Fireworks)
2. performance is needed         -> the coding model (Fireworks)
3. high complexity and accuracy  -> the default model (Claude)
4. anything else                 -> the default model (Claude)
"""

from dataclasses import dataclass

from agents.selection.requirements import Requirements

CODING = "coding"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Rule:
    """The role that a rule gives, and the half-sentence that explains it."""

    role: str
    because: str


def find_rule(needs: Requirements) -> Rule:
    """Apply the rules in their order."""
    if needs.task_type == "specialized-coding":
        return Rule(CODING, "the task is specialised coding")
    if needs.performance_needed:
        return Rule(CODING, "performance is needed")
    if needs.complexity == "high" and needs.accuracy_needed:
        return Rule(DEFAULT, "the task is complex and needs accuracy")
    return Rule(DEFAULT, "no special need was found, so the default applies")


def list_roles(needs: Requirements) -> list[str]:
    """Give the roles in the order of preference, the rule's first."""
    first = find_rule(needs).role
    return [first, *(role for role in (DEFAULT, CODING, "fast", "reasoning") if role != first)]
