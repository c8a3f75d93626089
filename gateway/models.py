"""What the gateway knows of models, which somebody else tells it: it never calls one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol
from uuid import UUID

_NOBODY: Final = "No executor serves any model now: `cogo serve executor` starts one."

Status = Literal["available", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model that an executor serves, or has served lately."""

    id: str
    name: str
    maker: str
    provider: str
    capabilities: tuple[str, ...]
    context_window: int | None
    status: Status
    """Observed: served by a living executor, and how its attempts of the last hour ended."""
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Which few models the CIO would take, the first first, and why."""

    models: Mapping[str, str]
    """The reason for each, in their order."""
    reasoning: str


class UnknownModelName(Exception):
    """No model has this name, or nobody serves it. `available` are the ids of those that are."""

    def __init__(self, name: str, available: Sequence[str]) -> None:
        self.name = name
        self.available = tuple(available)
        others = f"Available models: {', '.join(available)}" if available else _NOBODY
        self.sentence = f"Model {name[:200]!r} is not available. {others}"
        super().__init__(self.sentence)


class RequirementsInvalid(Exception):
    """Requirements that nobody can read, or that no model meets. The message says what to do."""


class ModelDirectory(Protocol):
    """Looks models up."""

    async def models(self) -> list[ModelFacts]:
        """List what can be asked for. Raises what the store raises."""
        ...

    async def resolve(self, name: str) -> str:
        """Give the id for any name of a served model. Raises UnknownModelName."""
        ...

    async def recommend(
        self, requirements: Mapping[str, Any], *, owner: UUID | None = None
    ) -> Recommendation:
        """Choose as the CIO would for a task of this owner (None: of nobody).

        Raises RequirementsInvalid, and what the store raises.
        """
        ...
