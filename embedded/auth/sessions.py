"""Sessions: an access token for an hour, and refresh tokens for single use."""

import hashlib
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from embedded.auth.errors import AuthError
from embedded.auth.user import build_user
from embedded.keys import Keys, sign_jwt
from embedded.postgres.database import Database

ACCESS_SECONDS: Final = 3600
REUSE_SECONDS: Final = 10
"""Grace period of a used refresh token, since two tabs may refresh at the same time."""


class Sessions:
    """Store of sessions, with hashes of the refresh tokens."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        access_seconds: Callable[[], int] = lambda: ACCESS_SECONDS,
    ) -> None:
        """`access_seconds` returns the lifetime of new access tokens."""
        self._database = database
        self._keys = keys
        self._access_seconds = access_seconds

    async def open(self, account: asyncpg.Record, *, method: str = "password") -> dict[str, Any]:
        """Open a session for an account whose password, or code (`otp`), was verified."""
        async with self._database.admin.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "update auth.users set last_sign_in_at = now(), updated_at = now()"
                " where id = $1 returning *",
                account["id"],
            )
            session_id = await connection.fetchval(
                "insert into auth.sessions (id, user_id, created_at, updated_at)"
                " values ($1, $2, now(), now()) returning id",
                uuid.uuid4(),
                account["id"],
            )
            token = await _add_token(connection, account["id"], session_id)
        return self._build_session(row or account, session_id, token, method)

    async def renew(self, token: str) -> dict[str, Any]:
        """Use a refresh token. A second use ends the session, since the token was stolen."""
        async with self._database.admin.acquire() as connection, connection.transaction():
            used = await connection.fetchrow(
                "select t.*, t.revoked and t.updated_at < now() - make_interval(secs => $2)"
                " as is_reused from auth.refresh_tokens t where t.token = $1 for update",
                _hash_token(token),
                float(REUSE_SECONDS),
            )
            if used is None:
                raise _not_found_error()
            if not used["is_reused"]:
                await connection.execute(
                    "update auth.refresh_tokens set revoked = true, updated_at = now()"
                    " where id = $1 and not revoked",
                    used["id"],
                )
                account = await connection.fetchrow(
                    "select u.* from auth.users u join auth.sessions s on s.user_id = u.id"
                    " where s.id = $1",
                    used["session_id"],
                )
                if account is None:
                    raise _not_found_error()
                fresh = await _add_token(connection, account["id"], used["session_id"])
                return self._build_session(account, used["session_id"], fresh)
        await self._database.admin.execute(
            "delete from auth.sessions where id = $1", used["session_id"]
        )
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")

    async def is_open(self, claims: dict[str, Any]) -> bool:
        """Return whether the session of an access token is open; True without a session."""
        session_id = claims.get("session_id")
        if session_id is None:
            return True
        return bool(
            await self._database.admin.fetchval(
                "select exists (select from auth.sessions where id::text = $1)", str(session_id)
            )
        )

    async def end(self, claims: dict[str, Any], scope: str) -> None:
        """End sessions of an account: `local` this one, `others` all but this, `global` all."""
        await self._database.admin.execute(
            "delete from auth.sessions where user_id::text = $1 and case $3"
            " when 'local' then id::text = $2 when 'others' then id::text <> $2 else true end",
            str(claims.get("sub")),
            str(claims.get("session_id")),
            scope,
        )

    def _build_session(
        self,
        account: asyncpg.Record,
        session_id: uuid.UUID,
        refresh_token: str,
        method: str = "password",
    ) -> dict[str, Any]:
        user = build_user(account)
        now, lifetime = int(time.time()), self._access_seconds()
        claims = {
            "aud": user["aud"],
            "exp": now + lifetime,
            "iat": now,
            "sub": user["id"],
            "email": user["email"],
            "phone": user["phone"],
            "app_metadata": user["app_metadata"],
            "user_metadata": user["user_metadata"],
            "role": user["role"],
            "aal": "aal1",
            "amr": [{"method": method, "timestamp": now}],
            "session_id": str(session_id),
            "is_anonymous": user["is_anonymous"],
        }
        return {
            "access_token": sign_jwt(self._keys, claims),
            "token_type": "bearer",
            "expires_in": lifetime,
            "expires_at": now + lifetime,
            "refresh_token": refresh_token,
            "user": user,
        }


async def _add_token(
    connection: asyncpg.pool.PoolConnectionProxy, user_id: uuid.UUID, session_id: uuid.UUID
) -> str:
    token = secrets.token_urlsafe(24)
    await connection.execute(
        "insert into auth.refresh_tokens (token, user_id, session_id, created_at, updated_at)"
        " values ($1, $2, $3, now(), now())",
        _hash_token(token),
        str(user_id),
        session_id,
    )
    return token


def _not_found_error() -> AuthError:
    message = "Invalid Refresh Token: Refresh Token Not Found"
    return AuthError(400, "refresh_token_not_found", message)


def _hash_token(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
