"""For whom a program changes controls: the database records that with each action."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID

HEADER: Final = "X-Cogo-Operator"
"""Request header that names the operator, as JSON in ASCII; cogo.read_operator() reads it."""
MAX_REASON: Final = 500
"""Characters of a reason, so that the header stays small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person or program in whose name the database is called."""

    who: str
    """`key:ID`, `user:ID`, `cli:USER@HOST` or the like; never a secret."""
    owner: UUID | None = None
    """Whose tasks are the operator's own; what is done to those is not recorded."""
    reason: str | None = None

    def to_header(self) -> str:
        """Return the value of the header."""
        said = {
            "who": self.who[:200],
            "owner": None if self.owner is None else str(self.owner),
            "reason": None if self.reason is None else self.reason.replace("\0", "")[:MAX_REASON],
        }
        return json.dumps({name: each for name, each in said.items() if each is not None})


_current: ContextVar[Operator | None] = ContextVar("cogo_operator", default=None)


def get_operator() -> Operator | None:
    """Return in whose name this context calls the database; None: the program's own."""
    return _current.get()


def set_operator(operator: Operator | None) -> None:
    """Call the database in the name of an operator from here on, in this context."""
    _current.set(operator)


@contextmanager
def acting_as(operator: Operator | None) -> Iterator[None]:
    """Call the database in the name of an operator within the block."""
    token = _current.set(operator)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def stating(reason: str | None) -> Iterator[None]:
    """State why the operator does what follows in the block; None: nothing is stated."""
    operator = _current.get()
    if reason is None or operator is None:
        yield
        return
    with acting_as(Operator(who=operator.who, owner=operator.owner, reason=reason)):
        yield
