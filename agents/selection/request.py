"""Everything that a choice depends on, apart from the catalogue and experience."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from agents.selection.preferences import Preferences
from agents.selection.requirements import Requirements
from protocol.records import Grants
from protocol.records.models import PolicyName


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRequest:
    """One question to the strategy."""

    needs: Requirements
    requested: str | None = None
    preferences: Preferences = field(default_factory=Preferences)
    policy: PolicyName = PolicyName.RULES
    prompt_characters: int = 0
    owner: UUID | None = None
    served: Sequence[str] = ()
    """Lanes that somebody can execute now."""
    simulated: frozenset[str] = frozenset()
    """Those of them that only the vendor simulator serves."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Models that already failed at this subtask, and how, in the order of their attempts."""
    budget_usd: float | None = None
    """What is left of the task's budget; None: no limit."""
    seconds_left: float | None = None
    """Until the task's deadline."""
    seed: str = ""
    """What chance is drawn from: the same seed gives the same choice, even after a crash."""
    grants: Grants | None = None
    """What operators let the task's owner use; None: everything."""
    may_team: bool = False
    """Whether several subtasks may be planned in place of this one."""
