"""The keys of each provider, with the choice of a key for each call."""

import asyncio
import hashlib
import itertools
import math
import re
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

from loguru import logger
from pydantic import SecretStr

from providers.catalogue.deployment import Credential, Credentials
from providers.catalogue.schema import Provider
from providers.errors import AuthenticationFailed, CallFailed, RateLimited
from providers.secrets import Redactor

REREAD_EVERY: Final = timedelta(seconds=20)
"""Minimum time between two reads of the credentials."""
SET_ASIDE_FOR: Final = timedelta(minutes=10)
"""How long a refused key is not used if there is another one."""
SET_ASIDE_IF_LIMITED: Final = timedelta(seconds=30)
"""The same for a rate-limited key, if the vendor sends no wait time."""
_SENDABLE: Final = re.compile(r"[\x20-\x7e]*")
_SHOWN: Final = 4
_SHORTEST: Final = 16
"""Even four characters of a shorter key would reveal too much."""


class Keyring:
    """Credentials of all providers. Used in one event loop.

    `reread` returns the current credentials, so that new keys need no restart; it may block and
    raise, and its argument is True if a key was just refused. A key is only set aside if there is
    another one, so that a vendor's mistake never makes a provider unavailable.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        reread: Callable[[bool], Credentials] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._reread = reread
        self._clock = clock
        self._read_at = {False: clock(), True: -math.inf}
        self._reading = asyncio.Lock()
        self._aside: dict[tuple[str, str], float] = {}
        self._turn = itertools.count()
        self._redactors: dict[bool, Redactor] = {}

    def get(self, provider: str) -> Credential | None:
        """Return the credential of a provider."""
        return self._credentials.get(provider)

    @property
    def credentials(self) -> Credentials:
        """All credentials, as last read."""
        return self._credentials

    def count_keys(self, provider: str) -> int:
        """Return the number of keys of a provider."""
        given = self._credentials.get(provider)
        return len(given.keys) if given else 0

    def get_redactor(self, *, shapes: bool) -> Redactor:
        """Return a redactor for these keys; with `shapes`, also for text that looks like a key.

        Short keys are not masked, because local servers accept any word as a key.
        """
        if shapes not in self._redactors:
            keys = (
                key.get_secret_value()
                for each in self._credentials.values()
                if not each.simulated
                for key in each.keys
            )
            known = [key for key in keys if len(key) >= _SHORTEST]
            self._redactors[shapes] = Redactor(known, shapes=shapes)
        return self._redactors[shapes]

    def choose(
        self, provider: str, *, affinity: str | None = None, tried: Collection[SecretStr] = ()
    ) -> SecretStr | None:
        """Return the key for the next call, or None if there is none or all were `tried`.

        An affinity gets the same key in every process unless it is set aside, because vendors'
        prompt caches belong to accounts. Without an affinity, keys take turns.
        """
        given = self._credentials.get(provider)
        keys = [key for key in (given.keys if given else ()) if key not in tried]
        if not keys:
            return None
        now = self._clock()
        live = [key for key in keys if self._get_aside_until(provider, key) <= now]
        if not live:
            return min(keys, key=lambda key: self._get_aside_until(provider, key))
        if affinity is None:
            return live[next(self._turn) % len(live)]
        return max(live, key=lambda key: _digest(affinity, key))

    def set_aside(self, provider: str, key: SecretStr, error: CallFailed) -> None:
        """Use other keys for a while, because of a vendor's error about this one."""
        wait = SET_ASIDE_FOR
        if isinstance(error, RateLimited):
            wait = SET_ASIDE_IF_LIMITED if error.retry_after is None else error.retry_after
        self._aside[provider, _digest("", key)] = self._clock() + wait.total_seconds()
        if self.count_keys(provider) > 1:  # a single key is used anyway
            logger.warning(
                "a key is set aside",
                provider=provider,
                key=label_key(key),
                error_class=error.code,
                seconds=round(wait.total_seconds()),
            )

    async def refresh(self, *, urgent: bool = False, at_once: bool = False) -> bool:
        """Read the credentials again, unless they were just read; return whether they changed.

        Urgent reads, after a key was refused, are limited separately. `at_once` reads again even
        what was just read: a local server may have come back at another address. A failure is
        logged, and the old credentials stay.
        """
        if self._reread is None or not (at_once or self._is_due(urgent)):
            return False
        async with self._reading:
            if not (at_once or self._is_due(urgent)):  # another task has just read them
                return False
            self._read_at[False] = self._clock()
            if urgent:
                self._read_at[True] = self._clock()
            try:
                found = await asyncio.to_thread(self._reread, urgent)
            except Exception as error:  # `reread` may fail in any way; the old keys may still work
                logger.warning(
                    "could not read the keys again; keeping the old ones", error=str(error)
                )
                return False
            changed = {
                provider
                for provider in {*found, *self._credentials}
                if found.get(provider) != self._credentials.get(provider)
            }
            self._credentials = found
            self._redactors.clear()
        if changed:
            logger.info("keys were read again", changed=sorted(changed))
        return bool(changed)

    def _is_due(self, urgent: bool) -> bool:
        return self._clock() - self._read_at[urgent] >= REREAD_EVERY.total_seconds()

    def _get_aside_until(self, provider: str, key: SecretStr) -> float:
        return self._aside.get((provider, _digest("", key)), 0.0)


def check_key(host: Provider, key: SecretStr | None) -> None:
    """Raise `AuthenticationFailed` if the key cannot be sent in an HTTP header."""
    if key is None or _SENDABLE.fullmatch(key.get_secret_value()):
        return
    where = " or ".join(host.key_variables) or f"the key of {host.name}"
    raise AuthenticationFailed(
        host.id,
        f"{where} has characters that cannot be sent in an HTTP header, so nothing was sent: "
        "copy the key again, with printable ASCII characters only",
    )


def label_key(key: SecretStr | None) -> str | None:
    """Return a label for a key that does not reveal it."""
    if key is None:
        return None
    text = key.get_secret_value()
    return f"...{text[-_SHOWN:]}" if len(text) >= _SHORTEST else "..."


def _digest(salt: str, key: SecretStr) -> str:
    text = f"{salt}\0{key.get_secret_value()}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
