"""Ways into the console: the one-time token in its address, and sign-in as a user."""

import hashlib
import socket
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, SecretStr

from gateway.auth.keys import generate_key_with_id, hash_key
from gateway.auth.principal import OPERATOR, Scope
from gateway.auth.sign_in import Tokens
from gateway.console.parts import Part, choose_parts
from gateway.dependencies import ServicesDep, authorize
from gateway.limits.connection_limiter import get_client_address
from gateway.problems import Problem
from protocol.ids import utc_now
from protocol.records import NewApiKey

router = APIRouter(include_in_schema=False)

SESSION_LASTS: Final = timedelta(hours=12)


class Session(BaseModel):
    """A key that the page uses until its tab closes."""

    key: str
    expires_at: datetime


@router.post("/console/session")
async def open_session(request: Request, services: ServicesDep) -> Session:
    """Exchange a one-time token for a session. Raise Problem (401) if it is used or expired."""
    try:
        principal = await authorize(request, Scope.CONSOLE_OPEN)
    except Problem as problem:
        if problem.status_code == 401:
            raise _build_token_spent() from problem
        raise
    if Scope.CONSOLE_OPEN not in principal.scopes:
        raise Problem(400, "not_a_token", "this is not a one-time token", hint="use the key itself")
    # The session's id is derived from the token's, so that only one of two exchanges is stored.
    key_id, key = generate_key_with_id(hashlib.sha256(principal.key_id.encode()).hexdigest())
    stored = NewApiKey(
        id=key_id,
        hash=hash_key(key),
        name=f"console session of {socket.gethostname()}",
        scopes=[Scope.ADMIN, Scope.CONSOLE_SESSION],
        expires_at=utc_now() + SESSION_LASTS,
        replaces=principal.key_id,
    )
    await services.store.create_api_key(stored)
    found = await services.store.check_api_key(key_id=key_id, key_hash=stored.hash)
    if found is None or found.expires_at is None:
        raise _build_token_spent()
    return Session(key=key, expires_at=found.expires_at)


class Reader(BaseModel):
    """Who reads the console, and what is shown to them."""

    name: str
    owner: UUID | None
    role: str
    is_operator: bool
    parts: list[Part]


@router.get("/console/me")
async def show_reader(request: Request, services: ServicesDep) -> Reader:
    """Return who the caller is. Raise Problem (401) without an accepted credential."""
    principal = await authorize(request, Scope.TASKS_READ)
    return Reader(
        name=principal.key_id,
        owner=principal.owner,
        role=OPERATOR if principal.is_admin else principal.role,
        is_operator=principal.is_admin,
        parts=choose_parts(principal, services.options.console_parts),
    )


class Password(BaseModel):
    """Who signs in."""

    email: str = Field(min_length=3, max_length=320)
    password: SecretStr = Field(min_length=1, max_length=1_000)


@router.post("/console/sign-in")
async def sign_in(body: Password, request: Request, services: ServicesDep) -> Tokens:
    """Sign a user of the project in. Raise Problem: 401, 429 (ten a minute), 503."""
    address = get_client_address(request.scope)
    return await services.sign_in.use_password(body.email, body.password, address=address)


class Email(BaseModel):
    """To whom a code is sent."""

    email: str = Field(min_length=3, max_length=320)


@router.post("/console/code", status_code=204)
async def send_code(body: Email, request: Request, services: ServicesDep) -> None:
    """Have a code sent to a user, if the address is one's. Raise Problem: 429 or 503."""
    address = get_client_address(request.scope)
    await services.sign_in.send_code(body.email, address=address)


class Code(Email):
    """Who signs in with a code."""

    code: SecretStr = Field(min_length=1, max_length=100)


@router.post("/console/sign-in/code")
async def use_code(body: Code, request: Request, services: ServicesDep) -> Tokens:
    """Sign a user of the project in. Raise Problem: 401, 429 (ten a minute), 503."""
    address = get_client_address(request.scope)
    return await services.sign_in.use_code(body.email, body.code, address=address)


class RefreshToken(BaseModel):
    """What continues a session, once."""

    refresh_token: SecretStr = Field(min_length=1, max_length=10_000)


@router.post("/console/refresh")
async def refresh(body: RefreshToken, request: Request, services: ServicesDep) -> Tokens:
    """Continue the session of a user. Raise Problem: 401 (it is over), 429 or 503."""
    # Auth sees only the gateway's address: one caller must not use up what it allows to all.
    services.authenticator.count_request(get_client_address(request.scope))
    return await services.sign_in.refresh(body.refresh_token)


def _build_token_spent() -> Problem:
    return Problem(
        401,
        "token_spent",
        "this console address was already used, or is older than 15 minutes",
        hint="`cogo console` prints a new one",
    )
