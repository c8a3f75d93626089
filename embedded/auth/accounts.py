"""Accounts: the rows of auth.users."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import asyncpg

from embedded.auth.errors import AuthError, user_not_found, validation_failed, weak_password
from embedded.auth.passwords import MINIMUM_LENGTH, hash_password, is_password
from embedded.postgres.database import Database

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL: Final = re.compile(rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
"""The definition of an e-mail address in HTML."""
_LONGEST_EMAIL: Final = 255
_LONGEST_PASSWORD: Final = 72
"""Bytes; bcrypt reads no more, and hosted projects refuse longer ones."""

_CHANGE: Final = """
update auth.users set
  email = coalesce($2, email),
  encrypted_password = coalesce($3, encrypted_password),
  role = coalesce($4, role),
  raw_user_meta_data = (raw_user_meta_data || $5::text::jsonb)
    - array(select key from jsonb_each($5::text::jsonb) where value = 'null'),
  raw_app_meta_data = (raw_app_meta_data || $6::text::jsonb)
    - array(select key from jsonb_each($6::text::jsonb) where value = 'null'),
  banned_until = case when $7::interval is null then banned_until
                      when $7 > interval '0' then now() + $7 end,
  updated_at = now()
where id = $1 and deleted_at is null
returning *
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """Fields of a new account."""

    email: str
    password: str | None
    id: uuid.UUID | None = None
    """None for a random one."""
    role: str = "authenticated"
    user_metadata: dict[str, Any] = field(default_factory=dict)
    app_metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """Changes to an account; None and empty mappings change nothing."""

    email: str | None = None
    password: str | None = None
    role: str | None = None
    user_metadata: dict[str, Any] = field(default_factory=dict)
    """Merged into the existing metadata; a null removes its key."""
    app_metadata: dict[str, Any] = field(default_factory=dict)
    """Likewise."""
    ban: timedelta | None = None
    """Time from now during which nobody can sign in; zero lifts a ban."""


class Accounts:
    """Store of accounts in auth.users; it runs as the superuser, so callers must authorize."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account: NewAccount) -> asyncpg.Record:
        """Create a confirmed account, since no mail is sent; raise `AuthError`."""
        email = _check_email(account.email)
        hashed = await _check_and_hash(account.password)
        with _translate_errors():
            row = await self._database.admin.fetchrow(
                "insert into auth.users (instance_id, id, aud, role, email, encrypted_password,"
                " email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at,"
                " updated_at) values ($1, $2, 'authenticated', $3, $4, $5, now(),"
                " $6::text::jsonb, $7::text::jsonb, now(), now()) returning *",
                uuid.UUID(int=0),
                account.id or uuid.uuid4(),
                account.role,
                email,
                hashed,
                json.dumps({"provider": "email", "providers": ["email"], **account.app_metadata}),
                json.dumps(account.user_metadata),
            )
        if row is None:
            raise user_not_found()
        return row

    async def update(self, user_id: str, change: AccountChange) -> asyncpg.Record:
        """Change an account; raise `AuthError`."""
        with _translate_errors():
            row = await self._database.admin.fetchrow(
                _CHANGE,
                parse_id(user_id),
                _check_email(change.email) if change.email is not None else None,
                await _check_and_hash(change.password),
                change.role,
                json.dumps(change.user_metadata),
                json.dumps(change.app_metadata),
                change.ban,
            )
        if row is None:
            raise user_not_found()
        return row

    async def find_by_password(self, email: str, password: str) -> asyncpg.Record | None:
        """Return the account with this e-mail and password, or None."""
        row = await self.find_by_email(email)
        stored = row["encrypted_password"] if row else None
        return row if await is_password(password, stored) else None

    async def find_by_email(self, email: str) -> asyncpg.Record | None:
        """Return the account with this e-mail, or None."""
        return await self._database.admin.fetchrow(
            "select *, coalesce(banned_until > now(), false) as is_banned"
            " from auth.users where email = $1 and deleted_at is null",
            # Characters that Postgres cannot store match no account.
            email.strip().lower().replace("\0", "?").encode(errors="replace").decode(),
        )

    async def load(self, user_id: str) -> asyncpg.Record:
        """Return an account; raise `AuthError` if there is none."""
        row = await self._database.admin.fetchrow(
            "select * from auth.users where id = $1 and deleted_at is null", parse_id(user_id)
        )
        if row is None:
            raise user_not_found()
        return row

    async def list_page(self, number: int, size: int) -> tuple[list[asyncpg.Record], int]:
        """Return the accounts of a page, newest first, and the total count."""
        rows = await self._database.admin.fetch(
            "select * from auth.users where deleted_at is null"
            " order by created_at desc, id limit $1 offset $2",
            size,
            (number - 1) * size,
        )
        total = await self._database.admin.fetchval(
            "select count(*) from auth.users where deleted_at is null"
        )
        return rows, total

    async def delete(self, user_id: str) -> None:
        """Delete an account and its sessions."""
        row = await self._database.admin.fetchrow(
            "delete from auth.users where id = $1 returning id", parse_id(user_id)
        )
        if row is None:
            raise user_not_found()

    async def soft_delete(self, user_id: str) -> None:
        """Erase the personal data of an account and keep its row for references."""
        account = await self.load(user_id)
        digest = hashlib.sha256(str(account["email"]).encode()).hexdigest()
        await self._database.admin.execute(
            "with ended as (delete from auth.sessions where user_id = $1)"
            " update auth.users set deleted_at = now(), email = $2, encrypted_password = null,"
            " raw_user_meta_data = '{}', raw_app_meta_data = '{}' where id = $1",
            account["id"],
            digest,
        )


def _check_email(text: str) -> str:
    email = text.strip().lower()
    if len(email) > _LONGEST_EMAIL:
        raise validation_failed("An email address is too long")
    if _EMAIL.fullmatch(email) is None:
        raise validation_failed("Unable to validate email address: invalid format")
    return email


async def _check_and_hash(password: str | None) -> str | None:
    if password is None:
        return None
    if len(password) < MINIMUM_LENGTH:
        raise weak_password(MINIMUM_LENGTH)
    if len(password.encode(errors="replace")) > _LONGEST_PASSWORD:
        raise validation_failed(f"Password cannot be longer than {_LONGEST_PASSWORD} characters")
    return await hash_password(password)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate errors of the database to those of the API."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "users_pkey":
            raise AuthError(422, "user_already_exists", "This id is taken") from error
        raise AuthError(422, "user_already_exists", "User already registered") from error
    except asyncpg.DataError as error:
        raise validation_failed("The text cannot be stored") from error


def parse_id(text: str) -> uuid.UUID:
    """Parse the id of an account; raise `AuthError` if it is invalid."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise validation_failed("user_id must be an UUID") from error
