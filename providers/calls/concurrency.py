"""Adaptive limits on concurrent calls to a deployment, with a maximum from the catalogue.

Additive increase, multiplicative decrease: a 429 or an overload halves the limit, first tokens that
take three times as long as usual lower it by a tenth, and every other answer raises it a little.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from anyio import CapacityLimiter, WouldBlock

from providers.calls.middleware import VendorCall
from providers.catalogue.deployment import Deployment
from providers.errors import AtCapacity, Overloaded, RateLimited

MAX_QUEUE_WAIT: Final = timedelta(seconds=30)
"""After that, another deployment or a later attempt is faster."""
RETRY_AFTER: Final = timedelta(seconds=15)

_ON_THROTTLE: Final = 0.5
_ON_SLOW: Final = 0.9
_SLOW: Final = 3.0
_RECENT_WEIGHT: Final = 0.3
_USUAL_WEIGHT: Final = 0.03
_MIN_ANSWERS: Final = 10
"""Latency is ignored until there have been more answers than this."""


@dataclass(slots=True)
class AdaptiveLimit:
    """Limit of one deployment; calls wait in first-come order. Times are in seconds."""

    maximum: int
    limit: float = 0.0
    """Concurrent calls; grows by fractions and is rounded down for use."""
    recent: float | None = None
    """Seconds to the first token, as a moving average of the last few calls."""
    usual: float | None = None
    """The same over many calls."""
    _answers: int = 0
    _lowered_at: float = float("-inf")
    _limiter: CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.limit = self.limit or float(self.maximum)
        self._limiter = CapacityLimiter(int(self.limit))

    @property
    def running(self) -> int:
        """Number of running calls."""
        return self._limiter.borrowed_tokens

    @property
    def utilisation(self) -> float:
        """Running calls as a share of the limit; above 1 after the limit was lowered."""
        return self.running / self.limit

    def set_maximum(self, maximum: int) -> None:
        """Set a new maximum; the limit is lowered to it at once, but only grows with answers."""
        self.maximum = maximum
        self._set_limit(self.limit)

    def try_acquire(self, call: object) -> bool:
        """Return whether one more call may run at once, which then has its slot."""
        try:
            self._limiter.acquire_on_behalf_of_nowait(call)
        except WouldBlock:
            return False
        return True

    async def acquire(self, call: object) -> None:
        """Wait until one more call may run."""
        await self._limiter.acquire_on_behalf_of(call)

    def release(self, call: object) -> None:
        """Release the slot of a call."""
        self._limiter.release_on_behalf_of(call)

    def on_success(self, first_token: float | None, *, began: float, now: float) -> None:
        """Record a call that began at `began` and had its first token after `first_token`."""
        self._answers += 1
        if first_token is not None:
            self.recent = _update_average(self.recent, first_token, _RECENT_WEIGHT)
            self.usual = _update_average(self.usual, first_token, _USUAL_WEIGHT)
            if self._answers > _MIN_ANSWERS and self.recent > _SLOW * self.usual:
                self._lower(_ON_SLOW, began=began, now=now)
                return
        self._set_limit(self.limit + 1 / self.limit)

    def on_throttle(self, *, began: float, now: float) -> None:
        """Record that the vendor refused a call because of too much load."""
        self._lower(_ON_THROTTLE, began=began, now=now)

    def _lower(self, factor: float, *, began: float, now: float) -> None:
        """Lower the limit, once for all calls that ran at the same time."""
        if began >= self._lowered_at:
            self._lowered_at = now
            self._set_limit(max(1.0, self.limit * factor))

    def _set_limit(self, limit: float) -> None:
        self.limit = min(limit, float(self.maximum))
        self._limiter.total_tokens = int(self.limit)


class ConcurrencyMiddleware:
    """`CallMiddleware` that makes calls wait while their deployment is at its limit."""

    def __init__(self) -> None:
        self._limits: dict[str, AdaptiveLimit] = {}

    @property
    def limits(self) -> Mapping[str, AdaptiveLimit]:
        """Limits of the deployments that were called, by deployment id."""
        return self._limits

    def get_limit(self, deployment: Deployment) -> AdaptiveLimit:
        """Return the limit of a deployment, with the catalogue's current maximum."""
        maximum = _get_maximum(deployment)
        limit = self._limits.get(deployment.id)
        if limit is None:
            limit = self._limits[deployment.id] = AdaptiveLimit(maximum)
        elif limit.maximum != maximum:
            limit.set_maximum(maximum)
        return limit

    def count_slots(self, deployment: Deployment) -> int:
        """Return how many calls may run at once now; does not create a limit."""
        limit, maximum = self._limits.get(deployment.id), _get_maximum(deployment)
        return maximum if limit is None else min(maximum, int(limit.limit))

    def get_utilisation(self, deployment: Deployment) -> float:
        """Return the running calls as a share of the limit."""
        return self.get_limit(deployment).utilisation

    def get_latency(self, deployment: Deployment) -> float:
        """Return the seconds to the first token in recent calls; 0 before the first call."""
        return self.get_limit(deployment).recent or 0.0

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        """See `CallMiddleware.wrap_call`."""
        limit = self.get_limit(call.deployment)
        if not limit.try_acquire(call.id):
            await _acquire(limit, call)
        began = time.monotonic()
        try:
            yield
        finally:
            _record(limit, call, began)
            limit.release(call.id)


def _get_maximum(deployment: Deployment) -> int:
    return deployment.entry.max_concurrency or deployment.host.max_concurrency


async def _acquire(limit: AdaptiveLimit, call: VendorCall) -> None:
    try:
        async with asyncio.timeout(MAX_QUEUE_WAIT.total_seconds()):
            await limit.acquire(call.id)
    except TimeoutError as error:
        raise AtCapacity(
            call.deployment.provider,
            f"{call.deployment.id} was at its limit of concurrent calls for"
            f" {MAX_QUEUE_WAIT.seconds} s",
            retry_after=RETRY_AFTER,
        ) from error


def _record(limit: AdaptiveLimit, call: VendorCall, began: float) -> None:
    report, now = call.report, time.monotonic()
    if isinstance(report.error, RateLimited | Overloaded):
        limit.on_throttle(began=began, now=now)
    elif report.done is not None:
        first = report.first_token.total_seconds() if report.first_token else None
        limit.on_success(first, began=began, now=now)


def _update_average(old: float | None, new: float, weight: float) -> float:
    return new if old is None else old + weight * (new - old)
