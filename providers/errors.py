"""Errors of models and providers, by who must act.

    ProviderError
    ├── CatalogueInvalid        the editor of the catalogue file
    ├── UnknownModel            the user: the name is unknown
    ├── NotServed               the operator: no key or server for this model
    └── CallFailed              one call to one vendor
        ├── AuthenticationFailed    the operator: the key
        ├── PermissionDenied        the operator: what the key may do
        ├── BudgetExhausted         the operator: the vendor's quota or balance
        ├── InvalidRequest          the user: the vendor refuses the request
        │   ├── ContextTooLong      the user, or a model with a larger window
        │   ├── ContentFiltered     the user, or another model
        │   └── NotSupported        the orchestrator: a model that takes all of the request
        ├── ModelNotFound           the orchestrator: another model
        ├── RateLimited             no one: wait `retry_after`
        ├── Overloaded              no one: wait
        ├── TimedOut                no one: retry
        ├── ConnectionFailed        no one: retry
        ├── EmptyAnswer             the orchestrator: another model
        ├── BadToolCalls            the orchestrator: a model that is better at calling tools
        ├── MalformedResponse       no one: retry
        ├── IncompleteStream        no one: retry
        └── NotAsked                no one: one of COGO's limits, nothing was sent
            ├── AtCapacity              no one: wait `retry_after`
            ├── CircuitOpen             no one: wait, or another model
            ├── ModelNotGranted         the user, or the operator: a grant
            ├── Banned                  the operator: another model, or `cogo models allow`
            ├── SpendingStopped         the operator: `cogo resume-spending`; until then it waits
            └── SpendCapReached         the owner of the cap: raise it, or wait for its reset
                └── ProviderCapReached      the orchestrator: a model of another provider

`retryable`: the same call may succeed later. `reroute`: another model or provider may help now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final

from providers.secrets import Redactor

_REDACTOR: Final = Redactor(places=True)


class ProviderError(Exception):
    """Base of all errors of providers."""

    code: ClassVar[str] = "provider_error"
    """Stable code for logs, rows and metrics."""
    retryable: ClassVar[bool] = False
    reroute: ClassVar[bool] = False


class CatalogueInvalid(ProviderError):
    """A catalogue file is not valid; the message names file, entry and field."""

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
    """The model is known, but there is no key or server for it."""

    code = "not_served"
    reroute = True


class CallFailed(ProviderError):
    """A call to a vendor failed. The message is redacted: safe for logs and rows."""

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
        message = f"{vendor}: {summary}"
        if status is not None:
            message += f" (HTTP {status})"
        if vendor_message:
            message += f": {vendor_message}"
        super().__init__(_REDACTOR.redact(message))
        self.vendor = vendor
        self.status = status
        self.vendor_message = vendor_message
        self.retry_after = retry_after
        """The minimum wait that the vendor asks for."""
        self.request_id = request_id

    def mention(self, others: str) -> None:
        """Add the failures of other deployments to the message."""
        self.args = (f"{self}; also tried: {others}",)


class AuthenticationFailed(CallFailed):
    """The vendor does not accept the key: replace it."""

    code = "authentication"
    reroute = True


class PermissionDenied(CallFailed):
    """The key lacks a permission: grant it, or use another model."""

    code = "permission"
    reroute = True


class BudgetExhausted(CallFailed):
    """The vendor's quota, balance or spend limit is exhausted; waiting does not help."""

    code = "budget"
    reroute = True


class InvalidRequest(CallFailed):
    """The vendor refuses the request; sending it again does not help."""

    code = "invalid_request"


class ContextTooLong(InvalidRequest):
    """Prompt and answer exceed the model's window: shorten them, or use a larger one."""

    code = "context_too_long"
    reroute = True


class ContentFiltered(InvalidRequest):
    """The vendor's filter stopped the prompt or the answer; discard what was streamed."""

    code = "content_filtered"
    reroute = True


class NotSupported(InvalidRequest):
    """The model does not take a part of the request, such as tools or images: use another one."""

    code = "not_supported"
    reroute = True


class ModelNotFound(CallFailed):
    """The vendor does not serve this model to this key: use another model."""

    code = "model_not_found"
    reroute = True


class RateLimited(CallFailed):
    """Too many requests or tokens: wait `retry_after`."""

    code = "rate_limited"
    retryable = True
    reroute = True


class Overloaded(CallFailed):
    """The vendor is overloaded or failed: wait, or use another vendor."""

    code = "overloaded"
    retryable = True
    reroute = True


class TimeoutPhase(StrEnum):
    """The timeout that expired."""

    FIRST_TOKEN = "first_token"  # noqa: S105  not a secret
    STALL = "stall"
    TOTAL = "total"
    CONNECT = "connect"


class TimedOut(CallFailed):
    """The vendor was too slow; see `phase`."""

    code = "timeout"
    retryable = True
    reroute = True

    def __init__(self, vendor: str, phase: TimeoutPhase, waited: timedelta) -> None:
        super().__init__(vendor, f"{phase} timeout after {waited.total_seconds():g} s")
        self.phase = phase


class ConnectionFailed(CallFailed):
    """The connection failed or broke."""

    code = "connection"
    retryable = True
    reroute = True
    was_refused: bool = False
    """Whether no connection could be made, so that nothing was sent."""
    is_local: bool = False
    """Whether it was to a server of the operator, which has to be started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer:
    """An answer that the server could not read and threw away, as far as its error quotes it."""

    text: str = field(default="", repr=False)
    """What the model wrote: as long as a response, and not masked."""
    is_whole: bool = False
    """Whether the text is all of the answer, not the part at which the server stopped."""
    is_call: bool = False
    """Whether the text is a part of a call."""


class MalformedResponse(CallFailed):
    """The response is not in the vendor's documented format."""

    code = "malformed_response"
    retryable = True
    reroute = True
    lost: LostAnswer | None = None
    """Set if the server could not read what its model wrote."""


class EmptyAnswer(CallFailed):
    """The answer is complete and has no content: another model may do better."""

    code = "empty_answer"
    reroute = True


class BadToolCalls(CallFailed):
    """No call of a tool could be run in several answers: use a model that is better at calling."""

    code = "bad_tool_calls"
    reroute = True


class IncompleteStream(CallFailed):
    """The stream ended without a finish reason, so the answer is not complete."""

    code = "incomplete_stream"
    retryable = True
    reroute = True


class NotAsked(CallFailed):
    """One of COGO's limits stopped the call before it was sent; see `retry_after`."""

    code = "not_asked"
    retryable = True
    reroute = True


class AtCapacity(NotAsked):
    """COGO's limit of calls, requests or tokens is reached: wait `retry_after`."""

    code = "at_capacity"


class CircuitOpen(NotAsked):
    """The deployment failed too often: wait `retry_after`, or use another model."""

    code = "circuit_open"


class ModelNotGranted(NotAsked):
    """The owner has no grant for this model: use another one, or ask an operator."""

    code = "not_granted"
    retryable = False


class Banned(NotAsked):
    """Operators banned this model or provider: use another one."""

    code = "banned"
    retryable = False


class SpendingStopped(NotAsked):
    """Operators stopped all spending: the work waits until `cogo resume-spending`."""

    code = "spending_stopped"
    reroute = False


class SpendCapReached(NotAsked):
    """The call may exceed a spend cap: raise it (`cogo budget`), or wait for its reset."""

    code = "spend_cap"
    retryable = False
    reroute = False
    question: dict[str, Any] | None = None
    """The cap, if the task asks people for more in place of failing."""


class ProviderCapReached(SpendCapReached):
    """The call may exceed a provider's cap: use a model of another provider."""

    code = "provider_spend_cap"
    reroute = True
