"""From what a vendor or the network did to the one error tree.

Measured on the SDKs: transport errors of httpx and httpx2 and JSON errors leave them raw, and an
error may come as a payload after HTTP 200. So statuses, payloads and transport errors each have
their own way in, and adapters only pick the way.
"""

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
import httpx2

from providers.adapters.http.body_limits import BodyTooLong
from providers.errors import (
    AuthenticationFailed,
    BudgetExhausted,
    CallFailed,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    IncompleteStream,
    InvalidRequest,
    MalformedResponse,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    TimedOut,
    TimeoutPhase,
)
from providers.secrets import Redactor

__all__ = [
    "LONGEST",
    "LONGEST_RETRY_AFTER",
    "TRANSPORT_ERRORS",
    "UNREADABLE",
    "from_payload",
    "from_status",
    "from_transport",
    "incomplete",
    "read_seconds",
    "safe_text",
]

TRANSPORT_ERRORS: Final = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    BodyTooLong,
)

_BROKEN: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((httpx.ConnectError, httpx2.ConnectError), "no connection could be made"),
    ((httpx.ProxyError, httpx2.ProxyError), "the proxy lets no connection through"),
    ((httpx.TimeoutException, httpx2.TimeoutException), "the connection was silent for too long"),
    ((httpx.UnsupportedProtocol, httpx2.UnsupportedProtocol), "the base URL cannot be asked"),
)
"""What to say of an error of the transport; of any other that the connection broke."""

LONGEST_RETRY_AFTER: Final = timedelta(days=1)
"""A vendor that asks for more is asked again after a day: it may be wrong, or mended by then.

In the database neither a deployment nor a subtask waits longer either (`cogo.retry_interval`).
"""

LONGEST: Final = 600
"""Characters of a vendor's message that are kept."""
UNREADABLE: Final = (
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a payload of another shape, depth or size than documented may raise."""

_CONTEXT: Final = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|prompt is too long|too many tokens",
    re.IGNORECASE,
)
_FILTER: Final = re.compile(r"content[_ ](?:filter|policy|management)|safety system", re.IGNORECASE)
_BUDGET: Final = re.compile(
    r"insufficient[_ ](?:quota|balance|funds|credit)|spend[_ ]?limit|credit balance|billing"
    r"|SpendLimitReached",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(r"model", re.IGNORECASE)

# The kinds of error payloads that come without a useful status, after HTTP 200.
_KINDS: Final[Mapping[str, int]] = {
    "api_error": 500,
    "authentication_error": 401,
    "billing_error": 402,
    "internal_server_error": 500,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "server_error": 500,
    "service_unavailable": 503,
    "timeout_error": 504,
    "too_many_requests": 429,
    "tool_use_failed": 400,
    "unavailable_error": 503,
}


def from_status(
    vendor: str,
    status: int,
    body: object,
    headers: Mapping[str, str],
    *,
    secret: str,
    clock: Callable[[], float] = time.time,
) -> CallFailed:
    """The error for an HTTP answer that is not a success; `clock` gives seconds since 1970."""
    message, kind = _read(body)
    kind_of = _class_for(status, f"{kind} {message}")
    return kind_of(
        vendor,
        _SUMMARIES[kind_of],
        status=status,
        vendor_message=safe_text(message, secret),
        retry_after=_retry_after(headers, clock),
        request_id=headers.get("request-id") or headers.get("x-request-id"),
    )


def from_payload(vendor: str, payload: object, *, secret: str) -> CallFailed:
    """The error for a payload that says so after HTTP 200; its own status counts, if it has one."""
    message, kind = _read(payload)
    status = _status_in(payload) or _KINDS.get(kind.lower(), 500)
    kind_of = _class_for(status, f"{kind} {message}")
    return kind_of(
        vendor,
        f"{_SUMMARIES[kind_of]}, told in the stream",
        status=status,
        vendor_message=safe_text(message, secret),
    )


def from_transport(vendor: str, error: Exception, *, connect: timedelta, secret: str) -> CallFailed:
    """The error for a connection that could not be made, or broke."""
    if isinstance(error, httpx.ConnectTimeout | httpx2.ConnectTimeout):
        return TimedOut(vendor, TimeoutPhase.CONNECT, connect)
    if isinstance(error, BodyTooLong):
        return MalformedResponse(vendor, str(error))
    if isinstance(error, httpx.DecodingError | httpx2.DecodingError):
        return MalformedResponse(vendor, "the body cannot be decoded")
    what = next(
        (text for kinds, text in _BROKEN if isinstance(error, kinds)), "the connection broke"
    )
    detail = safe_text(str(error), secret)
    return ConnectionFailed(vendor, f"{what}{f' ({detail})' if detail else ''}")


def safe_text(text: str, secret: str) -> str:
    """Return a vendor's words, shortened, without this key and whatever else looks like one."""
    text = Redactor([secret], places=True).redact(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def incomplete(vendor: str) -> IncompleteStream:
    """The error for a stream that ended politely, but without a finish reason."""
    return IncompleteStream(vendor, "the stream ended without a finish reason")


_SUMMARIES: Final[Mapping[type[CallFailed], str]] = {
    AuthenticationFailed: "the key is not accepted",
    BudgetExhausted: "the account's quota or balance is used up",
    CallFailed: "the call failed",
    ConnectionFailed: "it sends us elsewhere, which is not followed: correct the base URL",
    ContentFiltered: "the content filter stopped this request",
    ContextTooLong: "prompt and answer do not fit the model's context window",
    InvalidRequest: "the request is refused",
    ModelNotFound: "the model is not served to this key",
    Overloaded: "the vendor has trouble",
    PermissionDenied: "the key may not do this",
    RateLimited: "too many requests or tokens",
}


def _class_for(status: int, text: str) -> type[CallFailed]:  # noqa: PLR0911  a table of statuses
    if status in {400, 413, 422} and _CONTEXT.search(text):
        return ContextTooLong
    if status in {400, 403, 422} and _FILTER.search(text):
        return ContentFiltered
    # 412 is Fireworks' suspended account.
    if status in {402, 412} or (status in {400, 403, 429} and _BUDGET.search(text)):
        return BudgetExhausted
    match status:
        case _ if 300 <= status < 400:
            return ConnectionFailed
        case 401:
            return AuthenticationFailed
        case 403:
            return PermissionDenied
        case 404 if _MODEL.search(text):
            return ModelNotFound
        case 429:
            return RateLimited
        case 408 | 409 | 499:
            return Overloaded
        case _ if status >= 500:
            return Overloaded
    return InvalidRequest


def _read(body: object) -> tuple[str, str]:
    """Message and kind of an error body: an object, an object in `error`, or a string."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return str(body), ""
    if not isinstance(body, Mapping):
        return "", ""
    inner: Any = body.get("error", body)
    if isinstance(inner, str):
        return inner, ""
    if not isinstance(inner, Mapping):
        return "", ""
    message = inner.get("message") or inner.get("detail") or ""
    kinds = (inner.get(name) for name in ("code", "type"))
    kind = next((value for value in kinds if isinstance(value, str) and value), "")
    return str(message), kind


def _status_in(payload: object) -> int | None:
    if not isinstance(payload, Mapping):
        return None
    inner = payload.get("error", payload)
    if not isinstance(inner, Mapping):
        return None
    for name in ("status_code", "status", "code"):
        value = inner.get(name)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _retry_after(headers: Mapping[str, str], clock: Callable[[], float]) -> timedelta | None:
    """Milliseconds, seconds or a date (RFC 9110, 10.2.3), neither negative nor too long.

    A date is measured against the answer's own `Date`, and against our clock only without one.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after")
    if (wait := read_seconds(value)) is not None:
        return wait
    until, sent = _date(value), _date(headers.get("date"))
    if until is None:
        return None
    return _bounded(until.timestamp() - (clock() if sent is None else sent.timestamp()))


def read_seconds(value: str | None) -> timedelta | None:
    """Return the wait of this many seconds, at most `LONGEST_RETRY_AFTER`, or None."""
    seconds = _number(value)
    return None if seconds is None else _bounded(seconds)


def _bounded(seconds: float) -> timedelta:
    return timedelta(seconds=max(0.0, min(seconds, LONGEST_RETRY_AFTER.total_seconds())))


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
