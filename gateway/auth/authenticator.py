"""The gatekeeper: from a credential to a principal."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.auth.keys import PREFIX, hash_of, id_of
from gateway.auth.principal import LOCAL, USER_SCOPES, Principal
from gateway.auth.tokens import Tokens
from gateway.limits.rates import Rates
from gateway.problems import Problem
from protocol.errors import CogoError
from protocol.store.gateway import GatewayStore

REMEMBERED_SECONDS: Final = 10.0
"""How long an accepted credential is not asked about again; so late may a revocation work."""
MOST_REMEMBERED: Final = 10_000
_TOKEN_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class Gatekeeper:
    """Decides who asks. One per process; it remembers accepted credentials for seconds only."""

    def __init__(
        self, *, store: GatewayStore, tokens: Tokens, rates: Rates, admits_keyless: bool
    ) -> None:
        """`admits_keyless`: a request without a key has all rights, however many keys there are."""
        self._store = store
        self._tokens = tokens
        self._rates = rates
        self._admits_keyless = admits_keyless
        self._known: dict[str, _Known] = {}

    async def identify(self, credential: str | None, *, address: str) -> Principal:
        """Give whoever holds the credential.

        Raises Problem: 401, or 429 for too many requests of one key or of one address.
        """
        known = self._remembered(credential)
        if known is None:
            self.spend(address)  # guesses are paid for by whoever guesses
            known = await self._ask(credential)
            self._remember(credential, known)
        else:
            self.spend(known.key_id)
        return known

    async def refusal(self, credential: str) -> Problem | None:
        """Check an accepted credential again. Return why it is refused now, else None.

        While the database or Auth cannot be reached, it stays accepted.
        """
        try:
            await self._ask(credential)
        except (Problem, CogoError) as error:
            if not isinstance(error, Problem) or error.status_code != 401:
                return None
            self._known.pop(_name(credential), None)
            return error
        return None

    def spend(self, caller: str) -> None:
        """Count one request of a key or an address. Raises Problem (429) when it is too many."""
        wait = self._rates.take(caller)
        if wait is not None:
            seconds = int(wait) + 1
            raise Problem(
                429,
                "rate_limited",
                "too many requests in a minute",
                hint=f"wait {seconds} s; COGO_GATEWAY_RATE allows more",
                headers={"Retry-After": str(seconds)},
            )

    async def _ask(self, credential: str | None) -> Principal:
        if credential is not None and credential.startswith(PREFIX):
            return await self._holder(credential)
        if credential is not None and credential.count(".") == _TOKEN_PARTS - 1:
            user = await self._tokens.user(credential)
            return Principal(key_id=f"user:{user}", owner=user, scopes=USER_SCOPES)
        if self._admits_keyless:
            return LOCAL  # whatever was sent: many clients insist on sending some key
        raise Problem(
            401,
            "unauthenticated",
            "a key is needed" if credential is None else "the key is not accepted",
            hint="send `Authorization: Bearer KEY`; `cogo keys local` prints that of this machine, "
            "`cogo keys create` makes another",
            headers={"WWW-Authenticate": "Bearer"},
        )

    async def _holder(self, key: str) -> Principal:
        found = await self._store.check_api_key(key_id=id_of(key), key_hash=hash_of(key))
        if found is None:
            raise Problem(
                401,
                "unauthenticated",
                "the key is unknown, expired or revoked",
                hint="`cogo keys list` shows which there are, `cogo keys create` makes one",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return Principal(key_id=found.id, owner=found.owner, scopes=frozenset(found.scopes))

    def _remembered(self, credential: str | None) -> Principal | None:
        known = self._known.get(_name(credential))
        return known.principal if known is not None and known.until > time.monotonic() else None

    def _remember(self, credential: str | None, principal: Principal) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        until = time.monotonic() + REMEMBERED_SECONDS
        self._known[_name(credential)] = _Known(principal, until)


def _name(credential: str | None) -> str:
    # By its hash, so that no dump of this process's memory lists keys.
    return "" if credential is None else hash_of(credential)


def credential_of(headers: Mapping[str, str]) -> str | None:
    """Find the credential in the headers: `Authorization: Bearer`, `x-api-key` or `apikey`."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return headers.get("x-api-key") or headers.get("apikey") or None
