"""Periodic checks of credentials: streams and sockets end when theirs has lost its rights."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from starlette.requests import HTTPConnection

from gateway.auth.authenticator import Authenticator, read_credential
from gateway.auth.principal import LOCAL, Principal
from gateway.problems import Problem

_CONCURRENCY: Final = 8
"""How many credentials are checked at the same time."""


@dataclass(eq=False, slots=True)
class _Guarded:
    """One open stream or socket."""

    scope: asyncio.Timeout
    principal: Principal
    may_go_on: Callable[[Principal], bool]
    refusal: Problem | None = None

    def check(self, found: Principal | Problem) -> None:
        """End it if the credential is refused, or has fewer rights than before."""
        if isinstance(found, Problem):
            self._end(found)
        elif not found.scopes >= self.principal.scopes or not self.may_go_on(found):
            self._end(_build_changed())

    def _end(self, refusal: Problem) -> None:
        if self.refusal is None:
            self.refusal = refusal
            self.scope.reschedule(asyncio.get_running_loop().time())


class CredentialMonitor:
    """Checks the credentials of all open streams and sockets every few seconds."""

    def __init__(self, authenticator: Authenticator, *, every: timedelta) -> None:
        self._authenticator = authenticator
        self._every = every.total_seconds()
        self._guarded: dict[str, set[_Guarded]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Check while the block runs."""
        async with asyncio.TaskGroup() as group:
            checking = group.create_task(self._check_forever(), name="credential checks")
            try:
                yield self
            finally:
                checking.cancel()

    @asynccontextmanager
    async def guard(
        self,
        connection: HTTPConnection,
        may_go_on: Callable[[Principal], bool] = lambda _: True,
    ) -> AsyncIterator[None]:
        """Run the block while the credential of an authorized `connection` is accepted.

        Cancel the block and raise Problem soon after it is refused (401), has lost a scope, or
        `may_go_on` returns False for the principal as it is then (403).
        """
        credential = read_credential(connection.headers)
        if credential is None or connection.state.key_id == LOCAL.key_id:
            yield
            return
        guarded = _Guarded(asyncio.timeout(None), connection.state.principal, may_go_on)
        try:
            async with guarded.scope:
                self._guarded.setdefault(credential, set()).add(guarded)
                try:
                    yield
                finally:
                    self._remove(credential, guarded)
        except TimeoutError as error:
            if guarded.refusal is None:
                raise
            raise guarded.refusal from error

    def _remove(self, credential: str, guarded: _Guarded) -> None:
        same = self._guarded[credential]
        same.discard(guarded)
        if not same:
            del self._guarded[credential]

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            slots = asyncio.Semaphore(_CONCURRENCY)
            async with asyncio.TaskGroup() as group:
                for credential in self._guarded:
                    group.create_task(self._check(credential, slots))

    async def _check(self, credential: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            found = await self._authenticator.recheck(credential)
        if found is not None:
            for guarded in self._guarded.get(credential, set()):
                guarded.check(found)


def _build_changed() -> Problem:
    return Problem(
        403,
        "rights_changed",
        "what the caller may see has changed",
        hint="send the request again",
    )
