"""Who an agent is, to the database and to whoever watches."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentIdentity:
    """One running agent process.

    `id` must be unique among living agents: leases are held under it, and a supervisor
    releases everything that a dead agent held by naming it.
    """

    id: str
    kind: Literal["orchestrator", "executor"]
    host: str
    pid: int
    version: str
