"""Errors of Google, with details instead of the statuses and headers of other vendors.

An unknown key is a 400, every 429 mentions quota and billing even if waiting for a minute is
enough, and the time to wait is a `RetryInfo` (https://google.aip.dev/193).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.adapters.gemini.request import VENDOR
from providers.adapters.http.error_mapping import map_payload, parse_seconds
from providers.errors import AuthenticationFailed, BudgetExhausted, CallFailed, RateLimited

_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s")


def map_gemini_payload(payload: Mapping[str, Any], *, secret: str) -> CallFailed:
    """Return the error for an error payload after HTTP 200."""
    return refine_error(map_payload(VENDOR, payload, secret=secret), payload)


def refine_error(error: CallFailed, body: object) -> CallFailed:
    """Return the error that the details of the body imply, or the same error."""
    details = list(_iter_details(body))
    if any(each.get("reason") == "API_KEY_INVALID" for each in details):
        return _convert(AuthenticationFailed, error, "the key is not accepted")
    if error.status != 429:
        return error
    if any(_is_daily_quota(each) for each in details):
        return _convert(BudgetExhausted, error, "the daily quota is exhausted")
    wait = next((each["retryDelay"] for each in details if "retryDelay" in each), "")
    found = _SECONDS.fullmatch(str(wait))
    retry_after = parse_seconds(found[1]) if found else error.retry_after
    return RateLimited(
        error.vendor,
        "too many requests or tokens",
        status=error.status,
        vendor_message=error.vendor_message,
        retry_after=retry_after,
    )


def _convert(kind: type[CallFailed], error: CallFailed, summary: str) -> CallFailed:
    return kind(error.vendor, summary, status=error.status, vendor_message=error.vendor_message)


def _is_daily_quota(detail: Mapping[str, Any]) -> bool:
    violations = detail.get("violations") or ()
    return any("PerDay" in str(each.get("quotaId")) for each in violations)


def _iter_details(body: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping) or not isinstance(error := body.get("error"), Mapping):
        return
    for detail in error.get("details") or ():
        if isinstance(detail, Mapping):
            yield detail
