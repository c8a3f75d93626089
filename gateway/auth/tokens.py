"""Verification of Supabase Auth's access tokens."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import httpx
import jwt
from pydantic import SecretStr

from gateway.problems import Problem

ROLE: Final = "cogo_role"
"""The key of a role in `app_metadata`, which only the project's secret key can write."""
_ASYMMETRIC: Final = ("ES256", "RS256", "EdDSA")
_SYMMETRIC: Final = ("HS256", "HS384", "HS512")
_AUDIENCE: Final = "authenticated"
_KEYS_SECONDS: Final = 600.0
"""How long published keys are cached, and so how long a withdrawn key may be accepted."""
_UNKNOWN_KEY_SECONDS: Final = 5.0
"""Minimum time between fetches of the published keys for a key that is not among them."""
_LEEWAY_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class User:
    """A user of the project."""

    id: UUID
    role: str | None
    """What the project's operators wrote into `app_metadata`."""


class TokenVerifier:
    """Verifies tokens with the project's published keys, its secret, or a request to its Auth."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        url: str,
        publishable_key: str | None,
        jwt_secret: SecretStr | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._auth = f"{url.rstrip('/')}/auth/v1"
        self._headers = {"apikey": publishable_key} if publishable_key else {}
        self._secret = jwt_secret
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -_KEYS_SECONDS + clock()
        self._fetching = asyncio.Lock()
        self._clock = clock

    async def verify_user(self, token: str) -> User:
        """Return the user. Raise Problem: 401 (invalid token) or 503 (Auth unavailable)."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise _build_refusal("it is not a token") from error
        algorithm = str(header.get("alg"))
        if algorithm in _ASYMMETRIC:
            key = await self._get_published_key(str(header.get("kid")))
            return await self._confirm_role(token, _decode(token, key.key, algorithm))
        if algorithm in _SYMMETRIC and self._secret is not None:
            secret = self._secret.get_secret_value()
            return await self._confirm_role(token, _decode(token, secret, algorithm))
        if algorithm in _SYMMETRIC:
            return await self._ask_project(token)
        raise _build_refusal("its algorithm is not accepted")

    async def _confirm_role(self, token: str, claims: Mapping[str, Any]) -> User:
        """Return the user of a token, with a role only if they have one now.

        What the token says counts while Auth cannot be asked. Those without a role ask nothing.
        """
        user = _read_claims(claims)
        if user.role is None or not self._headers:
            return user
        try:
            return await self._ask_project(token)
        except Problem as problem:
            return user if problem.status_code == 503 else replace(user, role=None)

    async def _get_published_key(self, kid: str) -> jwt.PyJWK:
        async with self._fetching:
            max_age = _KEYS_SECONDS if kid in self._keys else _UNKNOWN_KEY_SECONDS
            if self._clock() - self._fetched_at >= max_age:
                await self._refresh(kid)
        if kid not in self._keys:
            raise _build_refusal("the project has no such key")
        return self._keys[kid]

    async def _refresh(self, kid: str) -> None:
        self._fetched_at = self._clock()
        try:
            answer = await self._get("/.well-known/jwks.json", self._headers)
            if answer.is_success:
                found = _read_object(answer).get("keys") or []
                self._keys = {str(each.get("kid")): jwt.PyJWK.from_dict(each) for each in found}
        except Problem:
            if kid not in self._keys:
                raise
            # Known keys stay valid while Auth is unavailable.

    async def _ask_project(self, token: str) -> User:
        answer = await self._get("/user", {**self._headers, "Authorization": f"Bearer {token}"})
        if answer.status_code in {400, 401, 403}:
            raise _build_refusal("the project does not accept it")
        if not answer.is_success:
            raise _build_unavailable(f"Auth answered {answer.status_code}")
        user = _read_object(answer)
        return User(_parse_user_id(user.get("id")), _read_role(user))

    async def _get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return await self._http.get(f"{self._auth}{path}", headers=dict(headers))
        except httpx.RequestError as error:
            raise _build_unavailable("Auth cannot be reached") from error


def _read_object(answer: httpx.Response) -> Mapping[str, Any]:
    """Return the JSON object of an answer. Raise Problem (503) if it has none."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _build_unavailable("Auth did not return a JSON object")
    return body


def _decode(token: str, key: Any, algorithm: str) -> Mapping[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=_AUDIENCE,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "sub"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise _build_refusal("it has expired") from error
    except jwt.PyJWTError as error:
        raise _build_refusal("it is not valid for this project") from error
    if claims["exp"] <= time.time():  # the leeway is only for tokens that are not yet valid
        raise _build_refusal("it has expired")
    return claims


def _read_claims(claims: Mapping[str, Any]) -> User:
    if claims.get("role") != _AUDIENCE:
        raise _build_refusal("it is not the token of a signed-in user")
    return User(_parse_user_id(claims.get("sub")), _read_role(claims))


def _read_role(described: Mapping[str, Any]) -> str | None:
    metadata = described.get("app_metadata")
    role = metadata.get(ROLE) if isinstance(metadata, dict) else None
    return role if isinstance(role, str) and role else None


def _parse_user_id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise _build_refusal("it has no valid user id") from error


def _build_refusal(why: str) -> Problem:
    return Problem(
        401,
        "unauthenticated",
        f"the access token is not accepted: {why}",
        hint="sign in again and send its access_token as `Authorization: Bearer ...`",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _build_unavailable(why: str) -> Problem:
    return Problem(503, "auth_unavailable", why, headers={"Retry-After": "2"})
