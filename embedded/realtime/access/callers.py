"""Whom a socket or a request speaks for, by its key or token."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from embedded.keys import KeyRefused, Keys, TokenFault, TokenRejected, decode_jwt, identify

_FOREVER_SECONDS: Final = 1e11


@dataclass(frozen=True, slots=True)
class Visitor:
    """A database role and the claims that policies see."""

    role: str
    claims: dict[str, Any]
    token: str
    """The key or token that said so."""
    expires_at: float | None
    """Unix time; None for the keys of the project."""


class Fault(Enum):
    """What is wrong with a token: the code of the join error and what the handshake says."""

    MISSING = ("MalformedJWT", "API key is missing")
    MALFORMED = ("MalformedJWT", "The token provided is not a valid JWT")
    BAD_SIGNATURE = ("JwtSignatureError", "Failed to validate JWT signature")
    EXPIRED = ("InvalidJWTToken", "Token has expired")
    NOT_YET_VALID = ("InvalidJWTToken", "Token is not valid yet")
    INCOMPLETE = ("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
    REFUSED_KEY = ("Unauthorized", "Invalid API key")


class TokenRefused(Exception):
    """The key or token is not accepted; the message is what a joined channel is told."""

    def __init__(self, fault: Fault, message: str | None = None) -> None:
        super().__init__(message or fault.value[1])
        self.fault = fault

    @property
    def reason(self) -> str:
        """What the reply to a join says."""
        return f"{self.fault.value[0]}: {self}"


class Visitors:
    """Tells visitors by the keys of this installation."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def by_key(self, key: str, *, user_agent: str | None = None) -> Visitor:
        """Read an API key of either kind, or the token of a user. Raises TokenRefused."""
        if not key.startswith("sb_"):
            return self.by_token(key)
        try:
            identity = identify(self._keys, apikey=key, authorization=None, user_agent=user_agent)
        except KeyRefused as error:
            raise TokenRefused(Fault.REFUSED_KEY, str(error)) from error
        return Visitor(identity.role, identity.claims, key, None)

    def by_token(self, token: str) -> Visitor:
        """Read a JWT, which needs a role and an expiry. Raises TokenRefused."""
        try:
            claims = decode_jwt(self._keys, token, leeway_seconds=0)
        except TokenRejected as error:
            if error.fault is TokenFault.EXPIRED:
                claims = decode_jwt(self._keys, token, leeway_seconds=_FOREVER_SECONDS)
            else:
                raise TokenRefused(Fault[error.fault.name]) from error
        match claims:
            case {"role": str(role), "exp": int(expires_at)} if role:
                visitor = Visitor(role, claims, token, float(expires_at))
            case _:
                raise TokenRefused(Fault.INCOMPLETE)
        self.check(visitor)
        return visitor

    def check(self, visitor: Visitor) -> None:
        """Raise TokenRefused when the visitor's token is no longer valid."""
        left = self.seconds_left(visitor)
        if left is not None and left <= 0:
            raise TokenRefused(Fault.EXPIRED, f"Token has expired {int(-left)} seconds ago")

    def seconds_left(self, visitor: Visitor) -> float | None:
        """For how long the visitor's token is valid; None: for ever."""
        if visitor.expires_at is None:
            return None
        ended_at = self._keys.token_cutoff.expired_at(visitor.claims)
        ends = [each for each in (visitor.expires_at, ended_at) if each is not None]
        return min(ends) - time.time()

    def watched(self, watcher: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watcher` whenever tokens end before their time, within the block."""
        return self._keys.token_cutoff.watch(watcher)
