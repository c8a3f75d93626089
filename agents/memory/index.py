"""The interface of vector stores beside Postgres, which keep ids and vectors and no texts."""

import math
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from loguru import logger


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorItem:
    """The vector of a memory."""

    id: UUID
    vector: Sequence[float]
    model_id: str
    """Only vectors of one model are comparable: an index keeps those of each model apart."""


class VectorMatch(NamedTuple):
    """A memory near a query, and the cosine of the angle between their vectors."""

    id: UUID
    likeness: float


class IndexUnavailable(Exception):
    """An index did not answer, or refused: a search goes on without it, a change is sent again."""


CALL_SECONDS: Final = 30.0
"""For one call of an index, with all requests and repetitions."""
_SLACK: Final = 1.01
"""A cosine that was computed inexactly may be a little more than 1."""


def name_install(requirement: str) -> str:
    """Return the command that adds an optional package to the environment that COGO runs in.

    It names no `cogo[extra]`: the distribution of that name at PyPI is another program.
    """
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(requirement)}"


@contextmanager
def explain_failures(*known: type[Exception]) -> Iterator[None]:
    """Raise IndexUnavailable for whatever goes wrong with an index.

    `known` are what its client raises on purpose. It also raises what it runs into when it reads a
    strange answer, of classes without a common base: these are logged, as they may be defects.
    """
    try:
        yield
    except IndexUnavailable:
        raise
    except Exception as error:
        if not isinstance(error, (*known, OSError, TimeoutError)):
            logger.opt(exception=error).warning("the client of an index has failed")
        raise IndexUnavailable(f"{type(error).__name__}: {str(error)[:300]}") from error


class VectorIndex(Protocol):
    """Vectors by owner; None is the operators' own. All methods may be repeated.

    All raise IndexUnavailable.
    """

    @property
    def name(self) -> str:
        """The name under which the database keeps what it has not heard of yet: `pinecone`."""
        ...

    async def upsert(self, owner: UUID | None, items: Sequence[VectorItem]) -> None:
        """Insert vectors, replacing those of the same ids."""
        ...

    async def query(
        self, owner: UUID | None, vector: Sequence[float], limit: int, *, model_id: str
    ) -> Sequence[VectorMatch]:
        """Return the nearest vectors of a model, nearest first."""
        ...

    async def delete(self, owner: UUID | None, ids: Sequence[UUID]) -> None:
        """Delete vectors; those that are not there are no error."""
        ...

    async def delete_owner(self, owner: UUID | None) -> None:
        """Delete all vectors of an owner, whatever their model."""
        ...


def name_owner(owner: UUID | None) -> str:
    """Return the name of the namespace or tenant of an owner."""
    return "operators" if owner is None else str(owner)


def read_matches(given: Iterable[tuple[object, object]]) -> list[VectorMatch]:
    """Return the ids and cosines that an index gives, nearest first, if they can be ours."""
    found = []
    for id_, cosine in given:
        memory, likeness = _read_memory_id(id_), _read_likeness(cosine)
        if memory is not None and likeness is not None:
            found.append(VectorMatch(memory, likeness))
    return sorted(found, key=lambda each: -each.likeness)


def _read_memory_id(value: object) -> UUID | None:
    """Return the id that an index gives, or None for that of somebody else's vector."""
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _read_likeness(value: object) -> float | None:
    """Return a cosine that an index gives, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, float | int) or not math.isfinite(value):
        return None
    return max(-1.0, min(1.0, float(value))) if abs(value) <= _SLACK else None
