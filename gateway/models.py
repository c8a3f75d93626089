"""The gateway's view of models. It never calls one: the caller provides the directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from protocol.records import Grants
from protocol.records.models import ControlAction, Controlled

_NONE_SERVED: Final = "No executor serves any model now; start one with `cogo serve executor`."

Status = Literal["available", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model that an executor serves or has recently served."""

    id: str
    name: str
    maker: str
    provider: str
    capabilities: tuple[str, ...]
    context_window: int | None
    status: Status
    """Derived from the executors that are alive and the attempts of the last hour."""
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """US dollars per million tokens."""

    input: float
    output: float
    cached: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails(ModelFacts):
    """All that is known of a served model. Unknown facts are None."""

    kind: Literal["chat", "embedding", "rerank"] = "chat"
    inputs: tuple[str, ...] = ("text",)
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: str | None = None
    max_output_tokens: int | None = None
    usd_per_million: TokenPrices | None = None
    usd_per_search: float | None = None
    """Of models that rank documents."""
    license: str | None = None
    """Of the weights, if they are open, as an SPDX identifier."""
    aliases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """What it stands for in this system, such as `coding`."""
    is_local: bool = False
    """Whether prompts stay on the machines of the operator."""
    executors: int = 0
    """How many running executors serve it."""
    excluded: str | None = None
    """Why the data policy of this system excludes it."""
    ends_on: date | None = None
    """When its vendor retires it."""
    parameters: float | None = None
    """Billions of parameters, of an open model."""
    quantization: str | None = None
    tokens_per_s: float | None = None
    """What was measured where it runs, of an open model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingFacts:
    """An embedding model that an executor can call."""

    id: str
    dimensions: int | None
    """Of its vectors, if none are asked for; None if that is not known."""
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The few models that the CIO would choose, best first, with reasons."""

    models: Mapping[str, str]
    """The reason for each model, best first."""
    reasoning: str


class UnknownModelName(Exception):
    """No model has this name, or no executor serves it. `available` are the served models' ids."""

    def __init__(self, name: str, available: Sequence[str], sentence: str | None = None) -> None:
        self.name = name
        self.available = tuple(available)
        others = f"Available models: {', '.join(available)}" if available else _NONE_SERVED
        self.sentence = sentence or f"Model {name[:200]!r} is not available. {others}"
        super().__init__(self.sentence)


class RequirementsInvalid(Exception):
    """Malformed requirements, or some that no model meets. The message says what to do."""


class ModelDirectory(Protocol):
    """Lookup of served models."""

    async def models(self) -> list[ModelFacts]:
        """List the served models. Raise what the store raises."""
        ...

    async def details(self) -> list[ModelDetails]:
        """List the served models of all kinds with all that is known. Raise as `models()` does."""
        ...

    @property
    def default_policy(self) -> str:
        """The selection policy while operators have set none."""
        ...

    async def resolve(self, name: str) -> str:
        """Return the id for any name of a served model. Raise UnknownModelName."""
        ...

    async def embedding_models(self) -> list[EmbeddingFacts]:
        """List the embedding models. Raise what the store raises."""
        ...

    async def resolve_embedding(self, name: str) -> EmbeddingFacts:
        """Return the embedding model of any of its names. Raise UnknownModelName."""
        ...

    async def control(
        self, *, action: ControlAction, name: str, scope: str, reason: str | None
    ) -> list[Controlled]:
        """Pin, ban, drain or allow what a name stands for, as `cogo models` does.

        Raise InvalidArgument, and what the store raises.
        """
        ...

    async def grant(
        self,
        *,
        owner: UUID | None,
        models: Sequence[str] | None,
        providers: Sequence[str] | None,
        priority: int | None,
        tools: Sequence[str] | None,
    ) -> Grants:
        """Restrict or prioritise an owner, as `cogo grants set` does; None: as it is.

        Raise InvalidArgument, and what the store raises.
        """
        ...

    async def recommend(
        self, requirements: Mapping[str, Any], *, owner: UUID | None = None
    ) -> Recommendation:
        """Return the models that the CIO would choose for a task of this owner (None: no owner).

        Raise RequirementsInvalid, and what the store raises.
        """
        ...
