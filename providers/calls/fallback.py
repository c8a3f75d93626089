"""One answer out of several places: deployments in order, and each provider's keys in turn."""

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
from providers.calls.middleware import Errand, Gate, VendorCall
from providers.calls.prepare import Prepared
from providers.calls.retries import Step, is_about_the_key, next_step, to_tell, wait_before
from providers.calls.send import ANSWERING, make_call
from providers.catalogue.deployment import Deployment
from providers.catalogue.keyring import Keyring, label_of
from providers.chat import Done, Event, Usage
from providers.errors import AuthenticationFailed, CallFailed
from providers.prices import Cost

__all__ = ["Absorbed", "Chain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """A call that failed before anybody saw a word of it, and was made again."""

    deployment: Deployment
    key_label: str | None
    error: CallFailed
    duration: timedelta
    usage: Usage | None
    cost: Cost | None
    """What is known of it: a failed call may well be billed."""


@dataclass(slots=True, kw_only=True)
class Chain:
    """The calls of one attempt. `deployment` is the one that was asked last."""

    deployments: Sequence[Deployment]
    """At least one, in the order in which they are asked."""
    errand: Errand
    gates: Sequence[Gate]
    keyring: Keyring
    prepare: Callable[[Deployment], Prepared]
    """Makes of what is asked what each deployment takes."""
    timeouts: Callable[[Deployment], Timeouts]
    deployment: Deployment = field(init=False)
    absorbed: list[Absorbed] = field(default_factory=list)
    _waited: timedelta = timedelta()
    _last: VendorCall | None = None
    _tried: list[SecretStr] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deployment = self.deployments[0]

    async def events(self) -> AsyncGenerator[Event, None]:
        """Give the first whole answer. Nothing is asked again once a word of it was given.

        Raises:
            CallFailed: what says best why nobody answered, or how the answer broke off.
        """
        errors: list[CallFailed] = []
        places = deque(self.deployments)
        while True:
            self.deployment = places[0]
            key = self._key()
            hearing = _Hearing()
            try:
                async with aclosing(self._call(key)) as events:
                    async for event in events:
                        for each in hearing.of(event):
                            yield each
            except CallFailed as error:
                if hearing.said:
                    raise
                errors.append(error)
                step = await self._after(error, key, more=len(places) > 1)
                if step is Step.GIVE_UP:
                    for each in hearing.held:  # what it may have cost
                        yield each
                    raise self._told(errors) from error
            else:
                return
            self._absorb(errors[-1])
            if step is not Step.NEXT_KEY:
                self._tried.clear()
            if step is Step.NEXT_DEPLOYMENT:
                places.popleft()
            elif step is Step.WAIT:
                await self._wait(errors[-1])

    def _key(self) -> SecretStr | None:
        return self.keyring.choose(
            self.deployment.provider, affinity=self.errand.affinity, tried=self._tried
        )

    def _call(self, key: SecretStr | None) -> AsyncGenerator[Event, None]:
        deployment = self.deployment
        prepared = self.prepare(deployment)
        call = self._last = VendorCall(
            deployment=deployment,
            request=prepared.request,
            errand=self.errand,
            key_label=label_of(key),
            has_spare_keys=self.keyring.count(deployment.provider) > 1,
            masked_keys=prepared.masked_keys,
        )
        return make_call(
            call,
            self.gates,
            lambda: prepared.send(key),
            timeouts=self.timeouts(deployment),
            notes=prepared.notes,
        )

    async def _after(self, error: CallFailed, key: SecretStr | None, *, more: bool) -> Step:
        """Set a refused key aside, and decide what comes next."""
        if key is not None and is_about_the_key(error):
            self.keyring.set_aside(self.deployment.provider, key, error)
            self._tried.append(key)
            if isinstance(error, AuthenticationFailed):
                await self.keyring.refresh(urgent=True)
        spare_key = key is not None and self._key() is not None
        return next_step(error, spare_key=spare_key, spare_deployment=more, waited=self._waited)

    def _told(self, errors: Sequence[CallFailed]) -> CallFailed:
        """Return the error that is worth most, with what the other places said."""
        best = to_tell(errors)
        asked = [(each.deployment.id, each.error) for each in self.absorbed]
        asked.append((self.deployment.id, errors[-1]))
        ends = dict.fromkeys((place, error.code, error.status) for place, error in asked)
        for place, error in asked:
            if error is best:
                ends.pop((place, error.code, error.status), None)
        if ends:
            best.mention(
                ", ".join(
                    f"{place} {code}{f' (HTTP {status})' if status else ''}"
                    for place, code, status in ends
                )
            )
        return best

    def _absorb(self, error: CallFailed) -> None:
        call = self._last
        if call is None:
            return
        report = call.report
        self.absorbed.append(
            Absorbed(
                deployment=call.deployment,
                key_label=call.key_label,
                error=error,
                duration=report.duration,
                usage=report.usage,
                cost=report.cost,
            )
        )
        logger.info(
            "a call is made again elsewhere",
            deployment=call.deployment.id,
            error_class=error.code,
            error=str(error),
        )

    async def _wait(self, error: CallFailed) -> None:
        began = time.monotonic()
        await asyncio.sleep(wait_before(error).total_seconds())
        self._waited += timedelta(seconds=time.monotonic() - began)


class _Hearing:
    """Holds back what comes before the first word, so that a call may fail unseen."""

    def __init__(self) -> None:
        self.said = False
        self.held: list[Event] = []

    def of(self, event: Event) -> Sequence[Event]:
        """What may be passed on now."""
        if self.said:
            return (event,)
        self.held.append(event)
        self.said = isinstance(event, (*ANSWERING, Done))
        return self.held if self.said else ()
