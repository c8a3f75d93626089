"""What operators say about models and providers, and what changed with it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Row

ControlAction = Literal["pin", "ban", "drain", "allow"]
"""pin: taken before all others. ban: never taken, not even by who asks for it. drain: taken only by
who asks for it by name, or where nothing else is left. allow takes back what was said before."""


class ControlRow(Row):
    """What holds now."""

    scope: str
    """`everywhere`, `owner:<uuid>` or `task_type:<type>`."""
    subject: str
    action: ControlAction
    reason: str
    who: str
    set_at: datetime


class Controlled(Row):
    """What a word of an operator changed."""

    subject: str
    action: ControlAction
    scope: str
    was: ControlAction
    restamped: int
    """Waiting subtasks that get another model."""


class PolicySet(Row):
    """A policy and the one before; None is the default. Without an owner, the deployment's."""

    policy: str | None = None
    owner: UUID | None = None
    was: str | None = None


class ModelSwitch(Row):
    """A row of `cogo_model_switches`: a change of what may be chosen."""

    at: datetime
    kind: str
    subject: str
    scope: str
    was: str | None = None
    became: str
    reason: str
    numbers: dict[str, Any] = Field(default_factory=dict)
    who: str
