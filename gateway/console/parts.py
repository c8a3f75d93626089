"""Parts of the console, and who sees which.

Parts keep pages short and protect nothing: what a person may read or do is decided by their scopes
and by the policies of the rows.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.auth.principal import OPERATOR, Principal


class Part(StrEnum):
    """A part of the console: a page, or a group of pages."""

    TASKS = "tasks"
    ASK = "ask"
    INBOX = "inbox"
    CHARTS = "charts"
    MODELS = "models"
    COLUMNS = "columns"
    MEMORY = "memory"
    SESSIONS = "sessions"
    OPERATE = "operate"
    """Agents, queue, limits, keys and the log of operators."""


FOR_USERS: Final = tuple(each for each in Part if each is not Part.OPERATE)


def choose_parts(principal: Principal, chosen: Mapping[str, tuple[Part, ...]]) -> list[Part]:
    """Return the parts that a principal sees, of those chosen for roles.

    Operators see all unless something is chosen for them, and nobody else sees `operate`.
    """
    role = OPERATOR if principal.is_admin else principal.role
    parts = chosen.get(role, tuple(Part) if principal.is_admin else FOR_USERS)
    return [each for each in parts if principal.is_admin or each is not Part.OPERATE]
