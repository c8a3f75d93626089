"""The caller of a socket or request, by its key or token."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from embedded.keys import KeyRefused, Keys, TokenFault, TokenRejected, decode_jwt, identify

_FOREVER_SECONDS: Final = 1e11


@dataclass(frozen=True, slots=True)
class Caller:
    """A database role and the claims that policies see."""

    role: str
    claims: dict[str, Any]
    token: str
    """The key or token that identified the caller."""
    expires_at: float | None
    """Unix time; None for the keys of the project."""


class TokenProblem(Enum):
    """Reasons to refuse a token: the code of a join error, and the message of the handshake."""

    MISSING = ("MalformedJWT", "API key is missing")
    MALFORMED = ("MalformedJWT", "The token provided is not a valid JWT")
    BAD_SIGNATURE = ("JwtSignatureError", "Failed to validate JWT signature")
    EXPIRED = ("InvalidJWTToken", "Token has expired")
    NOT_YET_VALID = ("InvalidJWTToken", "Token is not valid yet")
    INCOMPLETE = ("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
    REFUSED_KEY = ("Unauthorized", "Invalid API key")


class TokenRefused(Exception):
    """The key or token is refused; the message is for a joined channel."""

    def __init__(self, problem: TokenProblem, message: str | None = None) -> None:
        super().__init__(message or problem.value[1])
        self.problem = problem

    @property
    def reason(self) -> str:
        """The reason in the reply to a join."""
        return f"{self.problem.value[0]}: {self}"


class CallerResolver:
    """Identifies callers by the keys of this installation."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def resolve_key(self, key: str, *, user_agent: str | None = None) -> Caller:
        """Return the caller of an API key or a user's token; raise `TokenRefused`."""
        if not key.startswith("sb_"):
            return self.resolve_token(key)
        try:
            identity = identify(self._keys, apikey=key, authorization=None, user_agent=user_agent)
        except KeyRefused as error:
            raise TokenRefused(TokenProblem.REFUSED_KEY, str(error)) from error
        return Caller(identity.role, identity.claims, key, None)

    def resolve_token(self, token: str) -> Caller:
        """Return the caller of a JWT with a role and an expiry; raise `TokenRefused`."""
        try:
            claims = decode_jwt(self._keys, token, leeway_seconds=0)
        except TokenRejected as error:
            if error.fault is TokenFault.EXPIRED:
                claims = decode_jwt(self._keys, token, leeway_seconds=_FOREVER_SECONDS)
            else:
                raise TokenRefused(TokenProblem[error.fault.name]) from error
        match claims:
            case {"role": str(role), "exp": int(expires_at)} if role:
                caller = Caller(role, claims, token, float(expires_at))
            case _:
                raise TokenRefused(TokenProblem.INCOMPLETE)
        self.check_expiry(caller)
        return caller

    def check_expiry(self, caller: Caller) -> None:
        """Raise `TokenRefused` if the caller's token is no longer valid."""
        left = self.get_seconds_left(caller)
        if left is not None and left <= 0:
            raise TokenRefused(TokenProblem.EXPIRED, f"Token has expired {int(-left)} seconds ago")

    def get_seconds_left(self, caller: Caller) -> float | None:
        """Return the remaining validity of the caller's token; None if it does not expire."""
        if caller.expires_at is None:
            return None
        ended_at = self._keys.token_cutoff.get_revocation_time(caller.claims)
        ends = [each for each in (caller.expires_at, ended_at) if each is not None]
        return min(ends) - time.time()

    def watch_expiry(self, watcher: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watcher` within the block whenever tokens are revoked."""
        return self._keys.token_cutoff.watch(watcher)
