"""Authentication of requests: from a credential to a principal."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.auth.keys import PREFIX, hash_key, parse_key_id
from gateway.auth.principal import LOCAL, OPERATOR, USER, USER_SCOPES, Principal, Scope
from gateway.auth.tokens import TokenVerifier
from gateway.limits.rate_limiter import RequestRate, RequestRateLimiter
from gateway.problems import Problem
from protocol.errors import CogoError
from protocol.store.gateway import GatewayStore

CACHE_SECONDS: Final = 10.0
"""How long an accepted credential is cached, and so how late a revocation may take effect."""
MAX_CACHED: Final = 10_000
_TOKEN_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class _Cached:
    principal: Principal
    until: float


class Authenticator:
    """Authenticates and counts requests. One per process."""

    def __init__(
        self,
        *,
        store: GatewayStore,
        tokens: TokenVerifier,
        rates: RequestRateLimiter,
        allows_keyless: bool,
    ) -> None:
        """`allows_keyless`: requests without a key have all rights, even if keys exist."""
        self._store = store
        self._tokens = tokens
        self._rates = rates
        self._allows_keyless = allows_keyless
        self._cache: dict[str, _Cached] = {}

    async def authenticate(
        self, credential: str | None, *, address: str, is_urgent: bool = False
    ) -> Principal:
        """Return the principal for a credential.

        Raise Problem: 401, or 429 for too many requests of one key or of one address. What is
        urgent is not counted for operators.
        """
        cached = self._cache.get(_hash(credential))
        if cached is not None and cached.until > time.monotonic():
            if not (is_urgent and cached.principal.is_admin):
                self.count_request(cached.principal.key_id)
            return cached.principal
        self.count_request(address)  # so that guessing keys is limited by address
        principal = await self._verify(credential)
        self._keep(credential, principal)
        return principal

    def _keep(self, credential: str | None, principal: Principal) -> None:
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        self._cache[_hash(credential)] = _Cached(principal, time.monotonic() + CACHE_SECONDS)

    async def recheck(self, credential: str) -> Principal | Problem | None:
        """Verify an accepted credential again; return its principal, or the refusal.

        Return None while the database or Auth cannot be reached.
        """
        try:
            principal = await self._verify(credential)
        except (Problem, CogoError) as error:
            if not isinstance(error, Problem) or error.status_code != 401:
                return None
            self._cache.pop(_hash(credential), None)
            return error
        self._keep(credential, principal)
        return principal

    def count_request(self, caller: str) -> None:
        """Count a request of a key or an address. Raise Problem (429) if there are too many."""
        wait = self._rates.acquire(caller)
        if wait is not None:
            seconds = int(wait) + 1
            raise Problem(
                429,
                "rate_limited",
                "too many requests per minute",
                hint=f"wait {seconds} s, or raise COGO_GATEWAY_RATE",
                headers={"Retry-After": str(seconds)} | self.read_rate(caller).to_headers(),
            )

    def read_rate(self, caller: str) -> RequestRate:
        """Return what a key or an address may still request."""
        return self._rates.read(caller)

    async def _verify(self, credential: str | None) -> Principal:
        if credential is not None and credential.startswith(PREFIX):
            return await self._verify_key(credential)
        if credential is not None and credential.count(".") == _TOKEN_PARTS - 1:
            user = await self._tokens.verify_user(credential)
            is_operator = user.role == OPERATOR
            scopes = frozenset({Scope.ADMIN}) if is_operator else USER_SCOPES
            principal = Principal(
                key_id=f"user:{user.id}", owner=user.id, scopes=scopes, role=user.role or USER
            )
            return await self._join_projects(principal)
        if self._allows_keyless:
            return LOCAL  # with any credential: many clients always send a key
        raise _build_unauthenticated(
            "a key is required" if credential is None else "the key is not accepted",
            hint="send `Authorization: Bearer KEY`; `cogo keys local` prints this machine's key, "
            "`cogo keys create` creates another",
        )

    async def _verify_key(self, key: str) -> Principal:
        found = await self._store.check_api_key(key_id=parse_key_id(key), key_hash=hash_key(key))
        if found is None:
            raise _build_unauthenticated(
                "the key is unknown, expired or revoked",
                hint="`cogo keys list` lists the keys, `cogo keys create` creates one",
            )
        principal = Principal(
            key_id=found.id,
            owner=found.owner,
            scopes=frozenset(found.scopes),
            project=found.project,
        )
        return await self._join_projects(principal)

    async def _join_projects(self, principal: Principal) -> Principal:
        """Return the principal with the projects of which it sees the tasks of others."""
        if principal.project is not None:
            only = frozenset({principal.project})
            return replace(principal, read_projects=only, edited_projects=only)
        if principal.owner is None or principal.is_admin:
            return principal
        found = await self._store.fetch_memberships(user_id=principal.owner)
        return replace(
            principal,
            read_projects=frozenset(each.project for each in found),
            edited_projects=frozenset(each.project for each in found if each.role == "editor"),
        )


def _build_unauthenticated(detail: str, *, hint: str) -> Problem:
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(401, "unauthenticated", detail, hint=hint, headers=headers)


def _hash(credential: str | None) -> str:
    # The cache holds hashes, so that a memory dump of this process contains no keys.
    return "" if credential is None else hash_key(credential)


def read_credential(headers: Mapping[str, str]) -> str | None:
    """Return the credential in `Authorization: Bearer`, `x-api-key` or `apikey`, or None."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return headers.get("x-api-key") or headers.get("apikey") or None
