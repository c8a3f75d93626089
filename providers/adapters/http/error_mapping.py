"""Mapping of errors of vendors, their SDKs and the network to `providers.errors`.

An error may be an HTTP status (a 429 becomes `RateLimited`), a payload after HTTP 200, or an
exception of the transport: each has a function here. The SDKs do not wrap exceptions of httpx,
httpx2 and JSON.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
    LostAnswer,
    MalformedResponse,
    ModelNotFound,
    NotSupported,
    Overloaded,
    PermissionDenied,
    RateLimited,
    TimedOut,
    TimeoutPhase,
)
from providers.secrets import Redactor

TRANSPORT_ERRORS: Final = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    BodyTooLong,
)

_TRANSPORT_SUMMARIES: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((httpx.ConnectError, httpx2.ConnectError), "no connection could be made"),
    ((httpx.ProxyError, httpx2.ProxyError), "the proxy refused the connection"),
    ((httpx.TimeoutException, httpx2.TimeoutException), "the connection was silent for too long"),
    ((httpx.UnsupportedProtocol, httpx2.UnsupportedProtocol), "the base URL is not supported"),
)
"""Summaries of transport errors; all others are broken connections."""

LONGEST_RETRY_AFTER: Final = timedelta(days=1)
"""Longer waits are shortened: the vendor may be wrong, or recover earlier.

The database limits the waits of deployments and subtasks in the same way (`cogo.retry_interval`).
"""

MAX_MESSAGE_LENGTH: Final = 600
"""Maximum characters of a vendor's message."""
PARSE_ERRORS: Final = (
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Exceptions from reading a payload that is not as documented."""

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
_UNSUPPORTED: Final = re.compile(
    r"(?:tools?|functions?|tool use|tool calling|images?|image inputs?|vision|pdfs?|documents?"
    r"|response_format|json_schema|structured outputs?)\b[^.]{0,60}\b(?:not|n't) (?:be )?support"
    r"|(?:not|n't) support[^.]{0,40}\b(?:tools?|functions?|images?|vision|pdf|response_format"
    r"|json_schema|structured)"
    r"|no endpoints found that (?:can )?(?:support|handle)|--enable-auto-tool-choice",
    re.IGNORECASE,
)
"""Messages of vendors about what a model does not take; another one may."""
_FILE_TYPE: Final = re.compile(
    r"media[_ ]type|mime|image (?:format|type)|format of the image", re.IGNORECASE
)
"""Messages about files that no model takes."""
_BAD_CALL: Final = re.compile(
    r"tool_use_failed|failed to call a function|failed to parse (?:input|tool call)"
    r"|error parsing tool call|does not match the expected peg",
    re.IGNORECASE,
)
"""Messages of vendors that could not read what their model wrote as a call of a tool."""
_QUOTED_REST: Final = re.compile(r"Failed to parse input at pos (\d+): (.*)", re.DOTALL)
_QUOTED_CALL: Final = re.compile(r"error parsing tool call: raw='(.*)', err=", re.DOTALL)
"""Messages of llama.cpp and Ollama that quote what their model wrote."""
_MODEL: Final = re.compile(r"model", re.IGNORECASE)
_IMAGE: Final = re.compile(r"(?:^|_)image(?:_|$)", re.IGNORECASE)
"""In the codes of OpenAI's errors about images, such as `image_too_large`."""

# Statuses for the types of error payloads that come after HTTP 200.
_STATUSES: Final[Mapping[str, int]] = {
    "api_error": 500,
    "authentication_error": 401,
    "billing_error": 402,
    "internal_server_error": 500,
    "invalid_prompt": 400,
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


def map_status(
    vendor: str,
    status: int,
    body: object,
    headers: Mapping[str, str],
    *,
    secret: str,
    clock: Callable[[], float] = time.time,
) -> CallFailed:
    """Return the error for an unsuccessful HTTP response; `clock` returns seconds since 1970."""
    message, kind = _read(body)
    error_class = _get_class(status, f"{kind} {message}")
    error = error_class(
        vendor,
        _SUMMARIES[error_class],
        status=status,
        vendor_message=sanitize(message, secret),
        retry_after=_get_retry_after(headers, clock),
        request_id=headers.get("request-id") or headers.get("x-request-id"),
    )
    return _attach_answer(error, message)


def map_payload(vendor: str, payload: object, *, secret: str) -> CallFailed:
    """Return the error for an error payload after HTTP 200, by the payload's status if present."""
    message, kind = _read(payload)
    status = (
        _get_status(payload) or _STATUSES.get(kind.lower()) or (400 if _IMAGE.search(kind) else 500)
    )
    error_class = _get_class(status, f"{kind} {message}")
    error = error_class(
        vendor,
        f"{_SUMMARIES[error_class]}, according to the stream",
        status=status,
        vendor_message=sanitize(message, secret),
    )
    return _attach_answer(error, message)


def _attach_answer(error: CallFailed, message: str) -> CallFailed:
    """Return the error with the answer that its message quotes."""
    if not isinstance(error, MalformedResponse):
        return error
    error.lost = LostAnswer()
    if message.startswith("{"):  # JSON that is not complete, so its text is escaped
        return error
    if match := _QUOTED_REST.search(message):
        error.lost = LostAnswer(text=match[2], is_whole=not match[1].strip("0"))
    elif match := _QUOTED_CALL.search(message):
        error.lost = LostAnswer(text=match[1], is_call=True)
    return error


def map_transport_error(
    vendor: str, error: Exception, *, connect: timedelta, secret: str
) -> CallFailed:
    """Return the error for a connection that failed or broke."""
    if isinstance(error, httpx.ConnectTimeout | httpx2.ConnectTimeout):
        return TimedOut(vendor, TimeoutPhase.CONNECT, connect)
    if isinstance(error, BodyTooLong):
        return MalformedResponse(vendor, str(error))
    if isinstance(error, httpx.DecodingError | httpx2.DecodingError):
        return MalformedResponse(vendor, "the body cannot be decoded")
    summary = next(
        (text for classes, text in _TRANSPORT_SUMMARIES if isinstance(error, classes)),
        "the connection broke",
    )
    detail = sanitize(str(error), secret)
    failed = ConnectionFailed(vendor, f"{summary}{f' ({detail})' if detail else ''}")
    failed.was_refused = isinstance(error, httpx.ConnectError | httpx2.ConnectError)
    return failed


def sanitize(text: str, secret: str) -> str:
    """Return a vendor's text, shortened, without this key and anything that looks like a key."""
    text = Redactor([secret], places=True).redact(text)
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 1] + "…"


def build_incomplete(vendor: str) -> IncompleteStream:
    """Return the error for a stream that ended without a finish reason."""
    return IncompleteStream(vendor, "the stream ended without a finish reason")


_SUMMARIES: Final[Mapping[type[CallFailed], str]] = {
    AuthenticationFailed: "the key is not accepted",
    BudgetExhausted: "the account's quota or balance is exhausted",
    CallFailed: "the call failed",
    ConnectionFailed: "the vendor redirects, which is not followed: correct the base URL",
    ContentFiltered: "the content filter stopped this request",
    ContextTooLong: "prompt and answer do not fit the model's context window",
    InvalidRequest: "the vendor refused the request",
    MalformedResponse: "the model's tool call is unusable",
    NotSupported: "the model does not take a part of the request",
    ModelNotFound: "the model is not served to this key",
    Overloaded: "the vendor is overloaded or failed",
    PermissionDenied: "the key may not do this",
    RateLimited: "too many requests or tokens",
}


def _get_class(status: int, text: str) -> type[CallFailed]:  # noqa: PLR0911  a table of statuses
    if status in {400, 413, 422} and _CONTEXT.search(text):
        return ContextTooLong
    if status in {400, 403, 422} and _FILTER.search(text):
        return ContentFiltered
    if status in {400, 500} and _BAD_CALL.search(text):
        return MalformedResponse
    if status in {400, 404, 415, 422, 500, 501} and _UNSUPPORTED.search(text):
        return InvalidRequest if _FILE_TYPE.search(text) else NotSupported
    # Fireworks sends 412 for a suspended account.
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
    """Return message and type of an error body: an object, an object in `error`, or a string."""
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


def _get_status(payload: object) -> int | None:
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


def _get_retry_after(headers: Mapping[str, str], clock: Callable[[], float]) -> timedelta | None:
    """Return the wait from milliseconds, seconds or a date (RFC 9110, 10.2.3), within bounds.

    A date is compared with the response's own `Date`, or with the local clock if there is none.
    """
    if (milliseconds := _parse_number(headers.get("retry-after-ms"))) is not None:
        return _limit_wait(milliseconds / 1000)
    value = headers.get("retry-after")
    if (wait := parse_seconds(value)) is not None:
        return wait
    until, sent = _parse_date(value), _parse_date(headers.get("date"))
    if until is None:
        return None
    return _limit_wait(until.timestamp() - (clock() if sent is None else sent.timestamp()))


def parse_seconds(value: str | None) -> timedelta | None:
    """Return the wait for a number of seconds, at most `LONGEST_RETRY_AFTER`, or None."""
    seconds = _parse_number(value)
    return None if seconds is None else _limit_wait(seconds)


def _limit_wait(seconds: float) -> timedelta:
    return timedelta(seconds=max(0.0, min(seconds, LONGEST_RETRY_AFTER.total_seconds())))


def _parse_number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _parse_date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@contextmanager
def translate_sdk_errors(
    sdk: Any, vendor: str, *, secret: str, connect: timedelta
) -> Iterator[None]:
    """Translate the exceptions of an SDK into `CallFailed`.

    `sdk` is the module `anthropic`, `fireworks` or `openai`. One generator created them, so their
    exception classes have the same names and fields, but no common type.
    """
    try:
        yield
    except sdk.APITimeoutError as error:
        # The SDK only limits connecting; `Deadlines` has the other timeouts.
        raise TimedOut(vendor, TimeoutPhase.CONNECT, connect) from error
    except sdk.APIConnectionError as error:
        cause = error.__cause__
        if isinstance(cause, TRANSPORT_ERRORS):
            raise map_transport_error(vendor, cause, connect=connect, secret=secret) from error
        raise ConnectionFailed(vendor, "no connection") from error
    except sdk.APIResponseValidationError as error:
        raise MalformedResponse(vendor, "not the documented format") from error
    except sdk.APIStatusError as error:
        raise map_status(
            vendor, error.status_code, error.body, error.response.headers, secret=secret
        ) from error
    except sdk.APIError as error:
        raise map_payload(vendor, error.body, secret=secret) from error
    except TRANSPORT_ERRORS as error:
        raise map_transport_error(vendor, error, connect=connect, secret=secret) from error
    except (ValueError, RecursionError) as error:  # from the SDK's JSON decoding
        raise MalformedResponse(vendor, "the answer is not valid JSON") from error
