"""Who asks, and what they may."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Scope(StrEnum):
    """What a key may be used for."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    MODELS_READ = "models:read"
    METRICS_READ = "metrics:read"
    CONSOLE_OPEN = "console:open"
    """Nothing but to be exchanged, once, for a session of the console."""
    CONSOLE_SESSION = "console:session"
    """Nothing; it marks such a session, which has all rights by `admin`."""
    ADMIN = "admin"
    """Everything, and the tasks of all owners."""


CONSOLE_SCOPES: Final = frozenset({Scope.CONSOLE_OPEN, Scope.CONSOLE_SESSION})
"""Of keys that the console makes and nobody manages."""

USER_SCOPES: Final = frozenset({Scope.TASKS_READ, Scope.TASKS_WRITE, Scope.MODELS_READ})
"""What a signed-in user may: their own tasks, nobody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody whose credential was accepted."""

    key_id: str
    """What the access log says: `local`, `user:<id>` or the key's id; never the key."""
    owner: UUID | None
    """Whose tasks these are; None: nobody's in particular."""
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Whether the tasks of every owner may be seen."""
        return Scope.ADMIN in self.scopes

    def may(self, scope: Scope) -> bool:
        """Whether the credential reaches so far."""
        return self.is_admin or scope in self.scopes

    def sees(self, owner: UUID | None) -> bool:
        """Whether a task of `owner` exists for this principal."""
        return self.is_admin or self.owner == owner


LOCAL: Final = Principal(key_id="local", owner=None, scopes=frozenset({Scope.ADMIN}))
"""Everybody who reaches a gateway that was told to take requests without a key."""
