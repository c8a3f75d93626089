"""What operators said of models and providers, and what of it holds for one task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

Action = Literal["pin", "ban", "drain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorControl:
    """One word of an operator. Without an owner and a type of task it holds everywhere."""

    action: Action
    subject: str
    """A model or a provider."""
    reason: str
    owner: UUID | None = None
    task_type: str | None = None

    @property
    def closeness(self) -> int:
        """The closer to the task, the sooner a pin is followed."""
        return 2 if self.owner is not None else int(self.task_type is not None)

    def holds_for(self, owner: UUID | None, task_type: str) -> bool:
        """Whether this is said of such a task."""
        return (self.owner is None or self.owner == owner) and (
            self.task_type is None or self.task_type == task_type
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveControls:
    """What holds for one task; the mappings give the reason by model or provider."""

    barred: Mapping[str, str] = field(default_factory=dict)
    """Never taken, not even by who asks for it."""
    drained: Mapping[str, str] = field(default_factory=dict)
    """Taken only by who asks for it, or where nothing else is left."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """Taken before all others, the closest one first."""


NO_CONTROLS: Final = ActiveControls()


def find_active_controls(
    controls: Iterable[OperatorControl], owner: UUID | None, task_type: str
) -> ActiveControls:
    """Find what holds for a task of this owner and type."""
    held = [each for each in controls if each.holds_for(owner, task_type)]
    if not held:
        return NO_CONTROLS
    held.sort(key=lambda each: (-each.closeness, each.subject))
    said: dict[Action, dict[str, str]] = {"ban": {}, "drain": {}, "pin": {}}
    for each in held:
        said[each.action].setdefault(each.subject, each.reason)
    return ActiveControls(barred=said["ban"], drained=said["drain"], pinned=said["pin"])
