"""Fallback between deployments: they are called in order, with each key of their providers.

`retries.py` decides what follows a failure; this module applies the decision.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

from loguru import logger
from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.calls.middleware import CallContext, CallMiddleware, VendorCall
from providers.calls.prepare import PreparedCall
from providers.calls.retries import (
    RetryDecision,
    choose_error,
    decide_retry,
    get_retry_delay,
    is_key_error,
)
from providers.calls.send import ANSWER_EVENTS, send_call
from providers.catalogue.deployment import Deployment
from providers.catalogue.keyring import Keyring, label_key
from providers.chat import Done, Event, TokenUsage
from providers.errors import AuthenticationFailed, CallFailed
from providers.prices import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCall:
    """Record of a call that failed before its first token and was followed by another."""

    deployment: Deployment
    key_label: str | None
    error: CallFailed
    duration: timedelta
    usage: TokenUsage | None
    cost: Cost | None
    """None if unknown; a failed call may be billed."""


@dataclass(slots=True, kw_only=True)
class FallbackCall:
    """The calls of one attempt."""

    deployments: Sequence[Deployment]
    """At least one, in the order in which they are called."""
    context: CallContext
    middleware: Sequence[CallMiddleware]
    keyring: Keyring
    prepare: Callable[[Deployment], PreparedCall]
    get_timeouts: Callable[[Deployment], Timeouts]
    on_answer: Callable[[Deployment], None] = lambda _: None
    """Called with the deployment whose answer is complete."""
    deployment: Deployment = field(init=False)
    """The last one called, or the first one to call."""
    failed_calls: list[FailedCall] = field(default_factory=list)
    _waited: timedelta = timedelta()
    _calls: list[VendorCall] = field(default_factory=list)
    _tried: list[SecretStr] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deployment = self.deployments[0]

    @property
    def was_sent(self) -> bool:
        """Whether any request was sent; before that the attempt cannot cost anything."""
        return any(call.report.sent for call in self._calls)

    async def stream(self) -> AsyncGenerator[Event, None]:
        """Yield the first complete answer. After its first token no call is repeated.

        Raises:
            CallFailed: the most useful error of all calls, or the one that interrupted the answer.
        """
        errors: list[CallFailed] = []
        remaining = deque(self.deployments)
        while True:
            self.deployment = remaining[0]
            key = self._choose_key()
            buffer = _FirstTokenBuffer()
            try:
                async with aclosing(self._send(key)) as events:
                    async for event in events:
                        if buffer.is_open:  # nearly always
                            yield event
                            continue
                        for each in buffer.feed(event):
                            yield each
            except CallFailed as error:
                if buffer.is_open:
                    raise
                errors.append(error)
                decision = await self._decide(error, key, has_more=len(remaining) > 1)
                if decision is RetryDecision.GIVE_UP:
                    for each in buffer.held:  # may include the usage, from which the cost follows
                        yield each
                    raise self._summarize(errors) from error
            else:
                self.on_answer(self.deployment)
                return
            self._record_failure(errors[-1])
            if decision is not RetryDecision.NEXT_KEY:
                self._tried.clear()
            if decision is RetryDecision.NEXT_DEPLOYMENT:
                remaining.popleft()
            elif decision is RetryDecision.WAIT:
                await self._wait(errors[-1])

    def _choose_key(self) -> SecretStr | None:
        return self.keyring.choose(
            self.deployment.provider, affinity=self.context.affinity, tried=self._tried
        )

    def _send(self, key: SecretStr | None) -> AsyncGenerator[Event, None]:
        deployment = self.deployment
        prepared = self.prepare(deployment)
        call = VendorCall(
            deployment=deployment,
            request=prepared.request,
            context=self.context,
            key_label=label_key(key),
            has_spare_keys=self.keyring.count_keys(deployment.provider) > 1,
            masked_keys=prepared.masked_keys,
        )
        self._calls.append(call)
        return send_call(
            call,
            prepared,
            key,
            middleware=self.middleware,
            timeouts=self.get_timeouts(deployment),
        )

    async def _decide(
        self, error: CallFailed, key: SecretStr | None, *, has_more: bool
    ) -> RetryDecision:
        """Set aside a refused key, and decide whether and how to repeat the call."""
        if key is not None and is_key_error(error):
            self.keyring.set_aside(self.deployment.provider, key, error)
            self._tried.append(key)
            if isinstance(error, AuthenticationFailed):
                await self.keyring.refresh(urgent=True)
        return decide_retry(
            error,
            has_spare_key=key is not None and self._choose_key() is not None,
            has_spare_deployment=has_more,
            waited=self._waited,
        )

    def _summarize(self, errors: Sequence[CallFailed]) -> CallFailed:
        """Return the most useful error, with the failures of the other calls in its message."""
        best = choose_error(errors)
        calls = [(each.deployment.id, each.error) for each in self.failed_calls]
        calls.append((self.deployment.id, errors[-1]))
        failures = dict.fromkeys((place, error.code, error.status) for place, error in calls)
        for place, error in calls:
            if error is best:
                failures.pop((place, error.code, error.status), None)
        if failures:
            best.mention(
                ", ".join(
                    f"{place} {code}{f' (HTTP {status})' if status else ''}"
                    for place, code, status in failures
                )
            )
        return best

    def _record_failure(self, error: CallFailed) -> None:
        call = self._calls[-1]
        report = call.report
        self.failed_calls.append(
            FailedCall(
                deployment=call.deployment,
                key_label=call.key_label,
                error=error,
                duration=report.duration,
                usage=report.usage,
                cost=report.cost,
            )
        )
        logger.info(
            "repeating a failed call",
            deployment=call.deployment.id,
            error_class=error.code,
            error=str(error),
        )

    async def _wait(self, error: CallFailed) -> None:
        began = time.monotonic()
        await asyncio.sleep(get_retry_delay(error).total_seconds())
        self._waited += timedelta(seconds=time.monotonic() - began)


class _FirstTokenBuffer:
    """Holds events back until the first token, so that a failed call can be repeated."""

    def __init__(self) -> None:
        self.is_open = False
        self.held: list[Event] = []

    def feed(self, event: Event) -> Sequence[Event]:
        """Return the events that may be passed on now: all, once it is open."""
        self.held.append(event)
        self.is_open = isinstance(event, (*ANSWER_EVENTS, Done))
        return self.held if self.is_open else ()
