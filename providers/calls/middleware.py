"""Middleware around every call to a vendor, which can refuse the call and observe its end."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid4

from providers.calls.prepare import VendorRequest
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import TimeoutSeconds
from providers.chat import Done, TokenUsage
from providers.prices import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The work that a call belongs to, and its limits. None means unknown or unlimited."""

    task_id: UUID | None = None
    subtask_id: UUID | None = None
    attempt: int | None = None
    """With `subtask_id`, identifies the attempt in the call history; it may make several calls."""
    owner: UUID | None = None
    affinity: str | None = None
    """Calls with the same value go to one deployment and key, for the vendor's prompt cache."""
    avoid: frozenset[str] = frozenset()
    """Providers that failed this work before; they are called last."""
    data_policy: tuple[str, ...] = ()
    """Rules of `providers.catalogue.data_policy`; no deployment gets this call against them."""
    timeouts: TimeoutSeconds | None = None
    """They take precedence over those of the catalogue and the settings."""
    time_left: timedelta | None = None
    """Time until the deadline of the work; no call takes longer."""


@dataclass(slots=True, kw_only=True)
class CallReport:
    """The progress of one call; complete when the middleware exits."""

    sent: bool = False
    """Whether the request was sent; before that it cannot cost anything."""
    usage: TokenUsage | None = None
    cost: Cost | None = None
    """Cost of `usage`; None if there is none or its price is unknown."""
    first_token: timedelta | None = None
    """From sending to the first text, reasoning or tool call; None if not streamed."""
    duration: timedelta = timedelta()
    """From sending to the end."""
    done: Done | None = None
    """Set when the answer is complete."""
    error: BaseException | None = None
    """A `ProviderError`, or the exception that cancelled or closed the call. While the call runs,
    this and `done` are None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCall:
    """One call to one deployment with one key; a retry is another call."""

    deployment: Deployment
    request: VendorRequest
    """The request as sent, adapted to the model."""
    context: CallContext
    key_label: str | None = None
    """Distinguishes a provider's keys without revealing them: at most the last 4 characters."""
    has_spare_keys: bool = False
    """Whether the provider has more keys; the limits of this key do not apply to them."""
    masked_keys: int = 0
    """Number of keys that were masked in the request."""
    id: UUID = field(default_factory=uuid4)
    report: CallReport = field(default_factory=CallReport)


class CallMiddleware(Protocol):
    """Wraps calls. Entered in order before a call, exited in reverse order; used concurrently."""

    def wrap_call(self, call: VendorCall) -> AbstractAsyncContextManager[None]:
        """Return a context manager around the call; on exit `call.report` is complete.

        The call's exception, cancellation included, propagates and must not be suppressed. Code
        that must always run belongs in a `finally`; keep it short, because the caller waits.

        Raises:
            NotAsked: on entry, with `retry_after` where waiting helps. The router then calls
                another deployment, if there is one.
        """
