"""Sign-in of Supabase users by e-mail address with a password or a code, for the console.

The gateway passes them on to the project's Auth and keeps nothing: the page holds the tokens.
"""

from typing import Any, Final

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from gateway.limits.rate_limiter import RequestRateLimiter
from gateway.problems import Problem

ATTEMPTS_PER_MINUTE: Final = 10
"""For each address; Auth sees only the gateway's, so its own limit would be one for everybody."""
_REFUSED: Final = frozenset({400, 401, 403, 422})


class Tokens(BaseModel):
    """A session of a user, as Auth gives it."""

    access_token: str
    refresh_token: str
    expires_in: int


class SignIn:
    """Exchanges passwords and refresh tokens for sessions. One per process."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        url: str,
        publishable_key: str | None,
        attempts: RequestRateLimiter,
    ) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/auth/v1"
        self._key = publishable_key
        self._attempts = attempts

    async def use_password(self, email: str, password: SecretStr, *, address: str) -> Tokens:
        """Return a session. Raise Problem: 401 (wrong), 429 (too many of one address), 503."""
        self._count_attempt(address)
        body = {"email": email, "password": password.get_secret_value()}
        return await self._open("password", "/token?grant_type=password", body)

    async def send_code(self, email: str, *, address: str) -> None:
        """Have a code sent to a user; do nothing for an address that is none's.

        Raise Problem: 429 (too many, of one address or to one user), 503.
        """
        self._count_attempt(address)
        answer = await self._post("/otp", {"email": email, "create_user": False})
        if not answer.is_success and answer.status_code not in _REFUSED:
            raise _build_unavailable(f"Auth answered {answer.status_code}")

    async def use_code(self, email: str, code: SecretStr, *, address: str) -> Tokens:
        """Return a session. Raise Problem: 401 (wrong or used), 429 (too many), 503."""
        self._count_attempt(address)
        body = {"type": "email", "email": email, "token": code.get_secret_value()}
        return await self._open("code", "/verify", body)

    async def refresh(self, token: SecretStr) -> Tokens:
        """Return the next session. Raise Problem: 401 (used or revoked) or 503."""
        body = {"refresh_token": token.get_secret_value()}
        return await self._open("refresh_token", "/token?grant_type=refresh_token", body)

    def _count_attempt(self, address: str) -> None:
        wait = self._attempts.acquire(address)
        if wait is not None:
            seconds = int(wait) + 1
            raise Problem(
                429,
                "rate_limited",
                "too many attempts to sign in",
                hint=f"wait {seconds} s",
                headers={"Retry-After": str(seconds)},
            )

    async def _open(self, kind: str, path: str, body: dict[str, Any]) -> Tokens:
        answer = await self._post(path, body)
        if answer.status_code in _REFUSED:
            raise _build_refused(kind)
        if not answer.is_success:
            raise _build_unavailable(f"Auth answered {answer.status_code}")
        try:
            return Tokens.model_validate_json(answer.content)
        except ValidationError as error:
            # Without `from`, which would carry the tokens into the log.
            del error
        raise _build_unavailable("Auth did not return a session")

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Return the answer of Auth. Raise Problem: 429, 503."""
        if self._key is None:
            raise Problem(
                503,
                "sign_in_unavailable",
                "this gateway has no publishable key of the project",
                hint="set SUPABASE_PUBLISHABLE_KEY, or use an API key",
            )
        try:
            answer = await self._http.post(
                f"{self._url}{path}", headers={"apikey": self._key}, json=body
            )
        except httpx.RequestError as error:
            raise _build_unavailable("Auth cannot be reached") from error
        if answer.status_code == 429:
            raise Problem(
                429,
                "rate_limited",
                "the project's Auth refuses more attempts now",
                hint="wait a minute",
                headers={"Retry-After": answer.headers.get("Retry-After", "60")},
            )
        return answer


def _build_refused(kind: str) -> Problem:
    if kind == "password":
        detail, hint = (
            "the e-mail address or the password is wrong",
            "or the address is unconfirmed",
        )
    elif kind == "code":
        detail, hint = "the code is wrong, used or too old", "have another one sent"
    else:
        detail, hint = "the session is over", "sign in again"
    return Problem(401, "sign_in_refused", detail, hint=hint)


def _build_unavailable(why: str) -> Problem:
    return Problem(503, "auth_unavailable", why, headers={"Retry-After": "2"})
