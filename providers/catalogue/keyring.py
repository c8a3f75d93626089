"""The keys of each provider: which one a call takes, and which are set aside for a while."""

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

__all__ = ["REREAD_EVERY", "SET_ASIDE_FOR", "Keyring", "check_key", "label_key"]

REREAD_EVERY: Final = timedelta(seconds=20)
"""The least time between two looks at where the keys come from, whatever the reason."""
SET_ASIDE_FOR: Final = timedelta(minutes=10)
"""For how long a refused key is not taken, while there is another one."""
ASIDE_LIMITED: Final = timedelta(seconds=30)
"""The same for a key with too many requests, when the vendor does not say for how long."""
_CARRIED: Final = re.compile(r"[\x20-\x7e]*")
_SHOWN: Final = 4
_SHORTEST: Final = 16
"""Of a shorter key even four characters would be too much."""


class Keyring:
    """What opens each provider. Used in one event loop.

    `reread` gives the credentials anew, so that new keys are taken without a restart; it may block
    and may raise, and gets True when a key was just refused. A key is set aside only while there
    is another one to take: a vendor that errs for a moment never closes a provider.
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
        """What opens a provider."""
        return self._credentials.get(provider)

    @property
    def credentials(self) -> Credentials:
        """What opens what, as last read."""
        return self._credentials

    def count_keys(self, provider: str) -> int:
        """How many keys there are."""
        given = self._credentials.get(provider)
        return len(given.keys) if given else 0

    def get_redactor(self, *, shapes: bool) -> Redactor:
        """Return what masks these keys; with `shapes`, also whatever looks like a key.

        Short ones are left alone, for servers of one's own take words as keys.
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
        """Give the key for the next call, None when all were `tried` or there is none.

        The same affinity gets the same key, in every process, as long as that key is not aside:
        the vendors' prompt caches belong to accounts. Others take turns.
        """
        given = self._credentials.get(provider)
        keys = [key for key in (given.keys if given else ()) if key not in tried]
        if not keys:
            return None
        now = self._clock()
        live = [key for key in keys if self._aside_until(provider, key) <= now]
        if not live:
            return min(keys, key=lambda key: self._aside_until(provider, key))
        if affinity is None:
            return live[next(self._turn) % len(live)]
        return max(live, key=lambda key: _digest(affinity, key))

    def set_aside(self, provider: str, key: SecretStr, error: CallFailed) -> None:
        """Take other keys for a while, because of what a vendor said about this one."""
        wait = SET_ASIDE_FOR
        if isinstance(error, RateLimited):
            wait = ASIDE_LIMITED if error.retry_after is None else error.retry_after
        self._aside[provider, _digest("", key)] = self._clock() + wait.total_seconds()
        if self.count_keys(provider) > 1:  # the only one is taken all the same
            logger.warning(
                "a key is set aside",
                provider=provider,
                key=label_key(key),
                error_class=error.code,
                seconds=round(wait.total_seconds()),
            )

    async def refresh(self, *, urgent: bool = False) -> bool:
        """Look again where the keys come from, unless that was just done; says if they changed.

        An urgent look is asked for when a key was refused, and counts apart from the others.

        What cannot be read is logged, and the keys stay as they were.
        """
        if self._reread is None or not self._is_due(urgent):
            return False
        async with self._reading:
            if not self._is_due(urgent):  # somebody else has just looked
                return False
            self._read_at[False] = self._clock()
            if urgent:
                self._read_at[True] = self._clock()
            try:
                found = await asyncio.to_thread(self._reread, urgent)
            except Exception as error:  # a vault may fail in any way; the old keys may still do
                logger.warning("the keys cannot be read again; the old ones stay", error=str(error))
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

    def _aside_until(self, provider: str, key: SecretStr) -> float:
        return self._aside.get((provider, _digest("", key)), 0.0)


def check_key(host: Provider, key: SecretStr | None) -> None:
    """Raise `AuthenticationFailed` if no HTTP header can carry the key."""
    if key is None or _CARRIED.fullmatch(key.get_secret_value()):
        return
    where = " or ".join(host.key_variables) or f"the key of {host.name}"
    raise AuthenticationFailed(
        host.id,
        f"{where} has characters that no HTTP header can carry, so nothing was sent: "
        "copy the key again, letters, digits and signs of ASCII only",
    )


def label_key(key: SecretStr | None) -> str | None:
    """Name a key without showing it."""
    if key is None:
        return None
    text = key.get_secret_value()
    return f"...{text[-_SHOWN:]}" if len(text) >= _SHORTEST else "..."


def _digest(salt: str, key: SecretStr) -> str:
    text = f"{salt}\0{key.get_secret_value()}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
