"""Whom a socket or a request speaks for, by its key or token."""

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from embedded.keys import Keys, Refused, TokenFault, TokenRejected, identify, verify_jwt

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
        except Refused as error:
            raise TokenRefused(Fault.REFUSED_KEY, str(error)) from error
        return Visitor(identity.role, identity.claims, key, None)

    def by_token(self, token: str) -> Visitor:
        """Read a JWT, which needs a role and an expiry. Raises TokenRefused."""
        try:
            claims = verify_jwt(self._keys, token, leeway_seconds=0)
        except TokenRejected as error:
            if error.fault is TokenFault.EXPIRED:
                claims = verify_jwt(self._keys, token, leeway_seconds=_FOREVER_SECONDS)
            else:
                raise TokenRefused(Fault[error.fault.name]) from error
        match claims:
            case {"role": str(role), "exp": int(expires_at)} if role:
                visitor = Visitor(role, claims, token, float(expires_at))
            case _:
                raise TokenRefused(Fault.INCOMPLETE)
        check_expiry(visitor)
        return visitor


def check_expiry(visitor: Visitor) -> None:
    """Raise TokenRefused when the visitor's token is no longer valid."""
    if visitor.expires_at is not None and (age := time.time() - visitor.expires_at) >= 0:
        raise TokenRefused(Fault.EXPIRED, f"Token has expired {int(age)} seconds ago")
