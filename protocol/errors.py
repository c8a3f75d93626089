"""Errors between COGO's processes and Supabase, by who must act.

    CogoError
    ├── Refused                 the database refused the call; nothing was written
    │   ├── LeaseLost           TQ001  stop the work
    │   ├── NotFound            TQ002  check the id and its owner
    │   ├── MoveNotAllowed      TQ003  check the state first
    │   ├── InvalidArgument     TQ004  correct the call
    │   ├── NotGranted          TQ007  use a granted model
    │   ├── TooLarge            TQ008  send less
    │   └── OutOfRange          TQ009  correct the number or the time
    ├── StoreUnavailable        TQ900  retry
    ├── Unauthorized            TQ901  correct the key
    ├── MigrationMissing        TQ902  run `cogo migrate`
    └── MalformedMessage        TQ903  ignore the message

`docs/reference/errors.md` is generated from this module.
"""

from collections.abc import Iterator
from typing import ClassVar


class CogoError(Exception):
    """Base of this tree."""

    code: ClassVar[str] = "TQ000"
    """Stable on the wire; the SQLSTATE if the database raises it."""
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint


class Refused(CogoError):
    """The database refused the call; nothing was written. The message says why."""


class LeaseLost(Refused):
    """A later attempt holds the subtask, or it is finished. Stop working on it."""

    code = "TQ001"


class NotFound(Refused):
    """The row does not exist or belongs to another owner. Check the id."""

    code = "TQ002"


class MoveNotAllowed(Refused):
    """The row is in a state that does not allow this. Check its state first."""

    code = "TQ003"


class InvalidArgument(Refused):
    """A value is wrong. Correct it as the message says."""

    code = "TQ004"


class NotGranted(Refused):
    """The owner is not granted this model. Use one that the message names."""

    code = "TQ007"


class TooLarge(Refused):
    """A value exceeds its limit. Shorten it; the message names the field and the limit."""

    code = "TQ008"


class OutOfRange(Refused):
    """Some programs cannot represent this number or time. Correct it as the message says."""

    code = "TQ009"


class StoreUnavailable(CogoError):
    """No valid response was received. Retry; every call is idempotent."""

    code = "TQ900"
    retryable = True


class Unauthorized(CogoError):
    """The key was rejected. Correct SUPABASE_SECRET_KEY."""

    code = "TQ901"


class MigrationMissing(CogoError):
    """The project lacks a table or function that this version needs. Run `cogo migrate`."""

    code = "TQ902"


class MalformedMessage(CogoError):
    """A message does not match the schema of its type. It was ignored."""

    code = "TQ903"


def all_errors(of: type[CogoError] = CogoError) -> Iterator[type[CogoError]]:
    """Yield the subclasses of `of` in this module; other packages define more."""
    for error in of.__subclasses__():
        if error.__module__ == __name__:
            yield error
            yield from all_errors(error)


def errors_by_sqlstate() -> dict[str, type[CogoError]]:
    """Return the errors that the database raises, by SQLSTATE."""
    return {error.code: error for error in all_errors(Refused)}
