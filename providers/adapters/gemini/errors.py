"""Google's errors, which say in their details what others say in statuses and headers.

A key that is not known is a 400, every 429 speaks of quota and billing even when a minute's pause
is enough, and how long to wait is a `RetryInfo` (https://google.aip.dev/193).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.adapters.gemini.request import VENDOR
from providers.adapters.http.error_mapping import from_payload, read_seconds
from providers.errors import AuthenticationFailed, BudgetExhausted, CallFailed, RateLimited

__all__ = ["from_gemini_payload", "refined"]

_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s")


def from_gemini_payload(payload: Mapping[str, Any], *, secret: str) -> CallFailed:
    """The error for a payload that says so after HTTP 200."""
    return refined(from_payload(VENDOR, payload, secret=secret), payload)


def refined(error: CallFailed, body: object) -> CallFailed:
    """The same error, or the one that the details of the body make of it."""
    details = list(_details(body))
    if any(each.get("reason") == "API_KEY_INVALID" for each in details):
        return _as(AuthenticationFailed, error, "the key is not accepted")
    if error.status != 429:
        return error
    if any(_is_for_the_day(each) for each in details):
        return _as(BudgetExhausted, error, "the quota of the day is used up")
    wait = next((each["retryDelay"] for each in details if "retryDelay" in each), "")
    found = _SECONDS.fullmatch(str(wait))
    retry_after = read_seconds(found[1]) if found else error.retry_after
    return RateLimited(
        VENDOR,
        "too many requests or tokens",
        status=error.status,
        vendor_message=error.vendor_message,
        retry_after=retry_after,
    )


def _as(kind: type[CallFailed], error: CallFailed, summary: str) -> CallFailed:
    return kind(VENDOR, summary, status=error.status, vendor_message=error.vendor_message)


def _is_for_the_day(detail: Mapping[str, Any]) -> bool:
    violations = detail.get("violations") or ()
    return any("PerDay" in str(each.get("quotaId")) for each in violations)


def _details(body: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping) or not isinstance(error := body.get("error"), Mapping):
        return
    for detail in error.get("details") or ():
        if isinstance(detail, Mapping):
            yield detail
