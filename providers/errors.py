"""Everything that can go wrong with a model, by who must act.

    ProviderError
    ├── CatalogueInvalid        whoever edits the catalogue file
    ├── UnknownModel            whoever asked: the name is not known
    ├── NotServed               the operator: no key or server for this model
    └── CallFailed              one call to one vendor
        ├── AuthenticationFailed    the operator: the key
        ├── PermissionDenied        the operator: what the key may do
        ├── BudgetExhausted         the operator: the vendor's quota or balance
        ├── InvalidRequest          whoever asked: the vendor refuses the request
        │   ├── ContextTooLong      whoever asked, or a model with a larger window
        │   └── ContentFiltered     whoever asked, or another model
        ├── ModelNotFound           the planner: another model
        ├── RateLimited             nobody: wait as told
        ├── Overloaded              nobody: wait
        ├── TimedOut                nobody: try again
        ├── ConnectionFailed        nobody: try again
        ├── EmptyAnswer             the planner: another model
        ├── MalformedResponse       nobody: try again
        ├── IncompleteStream        nobody: try again
        └── NotAsked                nobody: a limit of ours held the call back, nothing was sent
            ├── AtCapacity              nobody: wait `retry_after`
            ├── CircuitOpen             nobody: wait, or ask another
            ├── NotGranted              whoever asked, or the operator: another model, or a grant
            ├── Banned                  the operator: another model, or `cogo models allow`
            └── SpendCapReached         whoever set the cap: raise it, or wait until it resets
                └── ProviderCapReached      the planner: a model of another provider

`retryable`: the same call may succeed later. `reroute`: another model or provider may help now.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final

from providers.secrets import Redactor

__all__ = [
    "AtCapacity",
    "AuthenticationFailed",
    "Banned",
    "BudgetExhausted",
    "CallFailed",
    "CatalogueInvalid",
    "CircuitOpen",
    "ConnectionFailed",
    "ContentFiltered",
    "ContextTooLong",
    "EmptyAnswer",
    "IncompleteStream",
    "InvalidRequest",
    "MalformedResponse",
    "ModelNotFound",
    "ModelNotGranted",
    "NotAsked",
    "NotServed",
    "Overloaded",
    "PermissionDenied",
    "ProviderCapReached",
    "ProviderError",
    "RateLimited",
    "SpendCapReached",
    "TimedOut",
    "TimeoutPhase",
    "UnknownModel",
]


_REDACTOR: Final = Redactor(places=True)


class ProviderError(Exception):
    """Base of this tree."""

    code: ClassVar[str] = "provider_error"
    """A stable word for logs, rows and metrics."""
    retryable: ClassVar[bool] = False
    reroute: ClassVar[bool] = False


class CatalogueInvalid(ProviderError):
    """The catalogue file has a mistake; the message names file, entry and field."""

    code = "catalogue_invalid"


class UnknownModel(ProviderError):
    """No entry, alias or role has this name."""

    code = "unknown_model"

    def __init__(self, name: str, nearest: Sequence[str]) -> None:
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
        super().__init__(f"unknown model {name!r}{hint}")
        self.name = name
        self.nearest = tuple(nearest)


class NotServed(ProviderError):
    """The model is known, but no key or server here can answer for it."""

    code = "not_served"
    reroute = True


class CallFailed(ProviderError):
    """One call to one vendor failed. Texts are redacted: safe for logs and rows."""

    code = "call_failed"

    def __init__(
        self,
        vendor: str,
        summary: str,
        *,
        status: int | None = None,
        vendor_message: str = "",
        retry_after: timedelta | None = None,
        request_id: str | None = None,
    ) -> None:
        shown = f"{vendor}: {summary}"
        if status is not None:
            shown += f" (HTTP {status})"
        if vendor_message:
            shown += f": {vendor_message}"
        super().__init__(_REDACTOR.redact(shown))
        self.vendor = vendor
        self.status = status
        self.vendor_message = vendor_message
        self.retry_after = retry_after
        """How long the vendor asks to wait; never less is useful."""
        self.request_id = request_id

    def mention(self, others: str) -> None:
        """Add what was said elsewhere to the message."""
        self.args = (f"{self}; asked too: {others}",)


class AuthenticationFailed(CallFailed):
    """The vendor does not know the key: replace it."""

    code = "authentication"
    reroute = True


class PermissionDenied(CallFailed):
    """The key is known and may not do this: change its rights, or take another model."""

    code = "permission"
    reroute = True


class BudgetExhausted(CallFailed):
    """The vendor's quota, balance or spend limit is used up; waiting does not help."""

    code = "budget"
    reroute = True


class InvalidRequest(CallFailed):
    """The vendor refuses the request as it is; sending it again changes nothing."""

    code = "invalid_request"


class ContextTooLong(InvalidRequest):
    """Prompt and answer do not fit the model's window: shorten, or take a larger one."""

    code = "context_too_long"
    reroute = True


class ContentFiltered(InvalidRequest):
    """The vendor's filter stopped the prompt or the answer; what was streamed is void."""

    code = "content_filtered"
    reroute = True


class ModelNotFound(CallFailed):
    """The vendor does not serve this model to this key: take another one."""

    code = "model_not_found"
    reroute = True


class RateLimited(CallFailed):
    """Too many requests or tokens: wait `retry_after`."""

    code = "rate_limited"
    retryable = True
    reroute = True


class Overloaded(CallFailed):
    """The vendor has trouble of its own: wait, or ask another."""

    code = "overloaded"
    retryable = True
    reroute = True


class TimeoutPhase(StrEnum):
    """Which patience ran out."""

    FIRST_TOKEN = "first_token"  # noqa: S105  a word, not a secret
    STALL = "stall"
    TOTAL = "total"
    CONNECT = "connect"


class TimedOut(CallFailed):
    """The vendor was slower than we wait; see `phase`."""

    code = "timeout"
    retryable = True
    reroute = True

    def __init__(self, vendor: str, phase: TimeoutPhase, waited: timedelta) -> None:
        super().__init__(vendor, f"{phase} timeout after {waited.total_seconds():g} s")
        self.phase = phase


class ConnectionFailed(CallFailed):
    """No connection, or it broke."""

    code = "connection"
    retryable = True
    reroute = True


class MalformedResponse(CallFailed):
    """The vendor sent something that is not its documented format."""

    code = "malformed_response"
    retryable = True
    reroute = True


class EmptyAnswer(CallFailed):
    """The answer ended well and says nothing: another model may say more."""

    code = "empty_answer"
    reroute = True


class IncompleteStream(CallFailed):
    """The stream ended without saying why: what came is not an answer."""

    code = "incomplete_stream"
    retryable = True
    reroute = True


class NotAsked(CallFailed):
    """A limit of ours held the call back before anything was sent; see `retry_after`."""

    code = "not_asked"
    retryable = True
    reroute = True


class AtCapacity(NotAsked):
    """Our own limit of calls, requests or tokens is reached for now: wait `retry_after`."""

    code = "at_capacity"


class CircuitOpen(NotAsked):
    """The deployment failed too often: it is left alone for `retry_after`, or ask another model."""

    code = "circuit_open"


class ModelNotGranted(NotAsked):
    """Operators have not granted this model to the owner: take another one, or ask them."""

    code = "not_granted"
    retryable = False


class Banned(NotAsked):
    """Operators want no calls of this model or provider now: another model may do."""

    code = "banned"
    retryable = False


class SpendCapReached(NotAsked):
    """The call may cost more than a cap leaves: raise it (`cogo budget`), or wait for its reset."""

    code = "spend_cap"
    retryable = False
    reroute = False


class ProviderCapReached(SpendCapReached):
    """The same of one provider: a model of another one may do."""

    code = "provider_spend_cap"
    reroute = True
