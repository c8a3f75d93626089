"""Admissions: open streams and sockets end when their credential is no longer accepted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from starlette.requests import HTTPConnection

from gateway.auth.authenticator import Gatekeeper, credential_of
from gateway.auth.principal import LOCAL
from gateway.problems import Problem

_AT_ONCE: Final = 8
"""Credentials that are checked at the same time."""


@dataclass(eq=False, slots=True)
class _Holder:
    """One open stream or socket."""

    scope: asyncio.Timeout
    refusal: Problem | None = None

    def end(self, refusal: Problem) -> None:
        if self.refusal is None:
            self.refusal = refusal
            self.scope.reschedule(asyncio.get_running_loop().time())


class Admissions:
    """Checks the credentials of whatever is open again and again."""

    def __init__(self, gatekeeper: Gatekeeper, *, every: timedelta) -> None:
        self._gatekeeper = gatekeeper
        self._every = every.total_seconds()
        self._holders: dict[str, set[_Holder]] = {}

    @asynccontextmanager
    async def checked(self) -> AsyncIterator[Self]:
        """Check while the block runs."""
        async with asyncio.TaskGroup() as group:
            checking = group.create_task(self._check_forever(), name="admissions")
            try:
                yield self
            finally:
                checking.cancel()

    @asynccontextmanager
    async def hold(self, connection: HTTPConnection) -> AsyncIterator[None]:
        """Run the block while the credential of an admitted `connection` is accepted.

        Raises Problem (401), and cancels the block, soon after it no longer is.
        """
        credential = credential_of(connection.headers)
        if credential is None or connection.state.key_id == LOCAL.key_id:
            yield
            return
        holder = _Holder(asyncio.timeout(None))
        try:
            async with holder.scope:
                self._holders.setdefault(credential, set()).add(holder)
                try:
                    yield
                finally:
                    self._forget(credential, holder)
        except TimeoutError as error:
            if holder.refusal is None:
                raise
            raise holder.refusal from error

    def _forget(self, credential: str, holder: _Holder) -> None:
        holders = self._holders[credential]
        holders.discard(holder)
        if not holders:
            del self._holders[credential]

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            slots = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for credential in self._holders:
                    group.create_task(self._check(credential, slots))

    async def _check(self, credential: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            refusal = await self._gatekeeper.refusal(credential)
        if refusal is not None:
            for holder in self._holders.get(credential, set()):
                holder.end(refusal)
