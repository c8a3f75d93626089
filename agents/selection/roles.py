"""Roles of a workflow's steps, and what each needs from a model."""

from collections.abc import Mapping
from typing import Final

from agents.selection.requirements import Requirements

CODER: Final = "coding"
REVIEWER: Final = "reviewer"

CATALOGUE_ROLES: Final[Mapping[str, str]] = {
    **{role: role for role in ("strategic", "debate_1", "debate_2", "debate_3", "fast")},
    "strategist": "strategic",
    "planner": "strategic",
}
"""The catalogue's role whose model the documented rules take for a role of a step."""


def apply_role(needs: Requirements, role: str | None) -> Requirements:
    """Return the needs of a step with this role; unknown roles change nothing.

    Code is written by models for code, and judged by models that understand it.
    """
    if role == CODER and not needs.is_code:
        return _change_work(needs, "code-generation")
    if role == REVIEWER and needs.is_code:
        return _change_work(needs, "code-analysis")
    return needs


def _change_work(needs: Requirements, work: str) -> Requirements:
    return needs.model_copy(update={"task_type": work, "kind": work})
