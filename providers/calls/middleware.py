"""What stands around every call to a vendor: gates that may refuse it and learn how it ended."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid4

from providers.calls.prepare import VendorRequest
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import TimeoutSeconds
from providers.chat import Done, Usage
from providers.prices import Cost

__all__ = ["Errand", "Gate", "Report", "VendorCall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """For whom a call is made. What is None is not known, and gates judge without it."""

    task_id: UUID | None = None
    subtask_id: UUID | None = None
    attempt: int | None = None
    """With `subtask_id` the key of the history; one attempt may make several calls."""
    owner: UUID | None = None
    affinity: str | None = None
    """Calls with the same one stay at one deployment and key, for the vendor's prompt cache."""
    avoid: frozenset[str] = frozenset()
    """Providers that failed this work before: they are asked last."""
    forbids: Callable[[Deployment], str | None] | None = None
    """Why a deployment must not be asked, None when it may: a hard constraint, never a wish."""
    timeouts: TimeoutSeconds | None = None
    """What was asked for; the catalogue and the settings know the rest."""
    time_left: timedelta | None = None
    """Until the deadline of the work; no call takes longer."""


@dataclass(slots=True, kw_only=True)
class Report:
    """How one call went so far; whole when the gates are left."""

    sent: bool = False
    """Whether the vendor was asked: until then it cannot cost anything."""
    usage: Usage | None = None
    cost: Cost | None = None
    """Of `usage`; None while there is none, and where no price is known."""
    first_token: timedelta | None = None
    """From sending to the first text, reasoning or tool call; None for an answer in one piece."""
    duration: timedelta = timedelta()
    """From sending to the end."""
    done: Done | None = None
    """There when the answer is whole."""
    error: BaseException | None = None
    """`ProviderError`, or what cancelled or closed the call. None with `done` None: it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCall:
    """One call to one deployment with one key; a call that is repeated is another one."""

    deployment: Deployment
    request: VendorRequest
    """As it is sent: fitted to the model."""
    errand: Errand
    key_label: str | None = None
    """Tells the keys of a provider apart without showing one: at most its last 4 characters."""
    has_spare_keys: bool = False
    """There are more keys of this provider: a limit of one is not everybody's."""
    masked_keys: int = 0
    """How many keys were taken out of the request."""
    id: UUID = field(default_factory=uuid4)
    report: Report = field(default_factory=Report)


class Gate(Protocol):
    """Entered in order before a call, left in the reverse order after it. Used by many at once."""

    def around(self, call: VendorCall) -> AbstractAsyncContextManager[None]:
        """Enter before the call, leave after it: then `call.report` says how it ended.

        The call's error, cancellation included, passes through and must not be swallowed. What
        must be written in any case belongs into a `finally`; keep it short, for the caller waits.

        Raises:
            NotAsked: on entry, with `retry_after` where waiting helps. The router then asks
                another deployment, where there is one.
        """
