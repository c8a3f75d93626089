"""Errors of the official client, mapped to those of `protocol.errors`."""

import httpx
from postgrest import APIError

from protocol.errors import (
    CogoError,
    InvalidArgument,
    MigrationMissing,
    Refused,
    StoreUnavailable,
    Unauthorized,
    errors_by_sqlstate,
)

_KEYS = frozenset({"PGRST301", "PGRST302", "PGRST303"})
_MISSING = frozenset({"PGRST202", "PGRST205", "42883", "42P01", "PGRST106"})
_RETRIED_CLASSES = ("08", "25", "40", "53", "55", "57", "58", "XX", "PGRST0")
_WRITES_REFUSED = frozenset({"53100", "25006", "58030"})
"""Disk full, read-only transaction, input/output error."""
_HTTP_STATUS_DIGITS = 3
"""A SQLSTATE has five."""


def map_api_error(error: APIError, *, call: str) -> CogoError:
    """Return the error for the code of an answer. The client does not keep the HTTP status."""
    code = str(error.code or "")
    message = error.message or "no message"
    known = errors_by_sqlstate().get(code)
    if known is not None:
        return known(message, hint=error.hint)
    if code in {*_KEYS, "401", "403"} or "Invalid API key" in message or "No API key" in message:
        return Unauthorized(
            f"the key is not accepted: {message}",
            hint="set SUPABASE_SECRET_KEY to a secret key of this project; `cogo doctor` checks it",
        )
    if code == "42501":
        return Unauthorized(
            f"the key may not do this: {message}",
            hint="SUPABASE_SECRET_KEY must be the secret key, not the publishable one",
        )
    if code in _MISSING:
        return MigrationMissing(f"{call} is missing in this project", hint="run `cogo migrate`")
    if code in _WRITES_REFUSED:
        return StoreUnavailable(
            f"{call}: the database cannot write: {message[:200]}",
            hint="its disk is full or it is read-only: free some space, and work resumes by itself",
        )
    # Without a code, or with an HTTP status in its place, the body was not PostgREST's.
    if len(code) <= _HTTP_STATUS_DIGITS or code.startswith(_RETRIED_CLASSES):
        return StoreUnavailable(f"{call}: unexpected answer from Supabase: {message[:200]}")
    if code.startswith(("22", "23", "54")):
        return InvalidArgument(message, hint=error.hint)
    return Refused(f"{call}: {message} ({code})", hint=error.hint)


def map_network_error(error: httpx.RequestError | httpx.InvalidURL, *, call: str) -> CogoError:
    """Return the error for a request without an answer."""
    reason = str(error)
    if isinstance(error, httpx.InvalidURL):  # it would never succeed, however often it is sent
        return InvalidArgument(f"{call}: no request can be made of these values: {reason[:200]}")
    if isinstance(error, httpx.TimeoutException):
        reason = "there was no answer in time"
    elif not reason:
        reason = "the connection broke"
    return StoreUnavailable(f"{call}: Supabase cannot be reached: {reason}")
