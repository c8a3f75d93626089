"""Principals and scopes."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from gateway.problems import Problem
from protocol.records import InProject, Visibility
from protocol.store.operator import Operator


class Scope(StrEnum):
    """A permission of a key."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    MODELS_READ = "models:read"
    METRICS_READ = "metrics:read"
    CONSOLE_OPEN = "console:open"
    """Allows one exchange for a console session, and nothing else."""
    CONSOLE_SESSION = "console:session"
    """Allows nothing; marks the key of a console session, whose rights come from `admin`."""
    ADMIN = "admin"
    """Allows everything, for the tasks of all owners."""


CONSOLE_SCOPES: Final = frozenset({Scope.CONSOLE_OPEN, Scope.CONSOLE_SESSION})
"""Scopes of keys that the console creates and people do not manage."""

USER_SCOPES: Final = frozenset({Scope.TASKS_READ, Scope.TASKS_WRITE, Scope.MODELS_READ})
"""Scopes of a signed-in user, who sees only their own tasks."""


OPERATOR: Final = "operator"
"""The role of users, of `app_metadata.cogo_role`, whose rights are those of the scope `admin`."""
USER: Final = "user"
"""The role of users without another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLabels:
    """Project and tags that the headers of a request give the tasks which it makes."""

    project: str | None = None
    tags: tuple[str, ...] = ()


LOCAL_ID: Final = "local"
"""Name of the caller of a gateway that accepts requests without a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller."""

    key_id: str
    """Name in the access log: `local`, `user:<id>` or the key's id; never the key."""
    owner: UUID | None
    """Owner of the caller's tasks; None for tasks without an owner."""
    scopes: frozenset[str]
    project: str | None = None
    """The only project that its key is for."""
    read_projects: frozenset[str] = frozenset()
    """Projects of which it may see the tasks of all owners."""
    edited_projects: frozenset[str] = frozenset()
    """Those of them whose tasks it may also change."""
    labels: TaskLabels = TaskLabels()
    role: str = USER
    """Determines which parts of the console are shown, but no rights."""

    @property
    def is_admin(self) -> bool:
        """True if it may see the tasks of all owners."""
        return Scope.ADMIN in self.scopes

    @property
    def operator(self) -> Operator | None:
        """In whose name an admin changes controls; None for others, who change none."""
        if not self.is_admin:
            return None
        is_key = self.key_id != LOCAL_ID and not self.key_id.startswith("user:")
        return Operator(who=f"key:{self.key_id}" if is_key else self.key_id, owner=self.owner)

    def has_scope(self, scope: Scope) -> bool:
        """Return whether the credential grants a scope."""
        return self.is_admin or scope in self.scopes

    @property
    def visibility(self) -> Visibility:
        """Return whose tasks it may see."""
        return Visibility(
            owner=self.owner,
            every_owner=self.is_admin,
            projects=self.read_projects,
            only_project=self.project,
        )

    @property
    def editable(self) -> Visibility:
        """Return whose tasks it may change."""
        return replace(self.visibility, projects=self.edited_projects)

    def sees(self, row: InProject) -> bool:
        """Return whether a task, or what belongs to one, is visible to it."""
        return self.visibility.includes(row)

    def may_change(self, row: InProject) -> bool:
        """Return whether it may cancel or retry a task, or answer its questions."""
        return self.editable.includes(row)

    def choose_project(self, named: str | None) -> str | None:
        """Return the project of a new task: the one that is named, else that of the request.

        Raise Problem (403) if its key is for another one.
        """
        chosen = self.labels.project if named is None else named
        if self.project is None:
            return chosen
        if chosen is not None and " ".join(chosen.split()) not in {"", self.project}:
            raise Problem(
                403, "project_only", f"the key is only for tasks of the project {self.project}"
            )
        return self.project

    def choose_owner(self, owner: UUID | None) -> UUID | None:
        """Return whose things a request is about: the owner that it names, else its own.

        Raise Problem (403) if it names another without the scope `admin`.
        """
        if self.project is not None:
            raise Problem(
                403,
                "project_only",
                "the key is only for tasks of a project, not for what belongs to an owner",
            )
        if owner is None:
            return self.owner
        if not self.is_admin and owner != self.owner:
            raise Problem(403, "scope_missing", "only the scope admin may name another owner")
        return owner


LOCAL: Final = Principal(key_id=LOCAL_ID, owner=None, scopes=frozenset({Scope.ADMIN}))
"""Any caller of a gateway that accepts requests without a key."""


def require_scope(principal: Principal, scope: Scope) -> None:
    """Raise Problem (403) unless the credential grants a scope."""
    if not principal.has_scope(scope):
        raise Problem(
            403,
            "scope_missing",
            f"the key lacks the scope {scope}",
            hint=f"`cogo keys create --scope {scope}` creates a key with it",
        )
