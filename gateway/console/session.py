"""One-time tokens of the console's address, and the sessions that they are exchanged for."""

import hashlib
import socket
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gateway.auth.keys import hash_of, key_with
from gateway.auth.principal import Scope
from gateway.dependencies import Here, admit
from gateway.problems import Problem
from protocol.ids import utc_now
from protocol.records import NewApiKey

router = APIRouter(include_in_schema=False)

SESSION_LASTS: Final = timedelta(hours=12)


class Session(BaseModel):
    """A key that the page uses until its tab is closed."""

    key: str
    expires_at: datetime


@router.post("/console/session")
async def open_session(request: Request, here: Here) -> Session:
    """Exchange a one-time token for a session. Raises Problem: 401 when it was used or is old."""
    try:
        asker = await admit(request, Scope.CONSOLE_OPEN)
    except Problem as problem:
        if problem.status_code == 401:
            raise _spent() from problem
        raise
    if Scope.CONSOLE_OPEN not in asker.scopes:
        raise Problem(400, "not_a_token", "this is no one-time token", hint="use the key itself")
    # The session's id follows from the token's, so that of two exchanges only one is stored.
    key_id, key = key_with(hashlib.sha256(asker.key_id.encode()).hexdigest())
    stored = NewApiKey(
        id=key_id,
        hash=hash_of(key),
        name=f"console session of {socket.gethostname()}",
        scopes=[Scope.ADMIN, Scope.CONSOLE_SESSION],
        expires_at=utc_now() + SESSION_LASTS,
        replaces=asker.key_id,
    )
    await here.store.create_api_key(stored)
    found = await here.store.check_api_key(key_id=key_id, key_hash=stored.hash)
    if found is None or found.expires_at is None:
        raise _spent()
    return Session(key=key, expires_at=found.expires_at)


def _spent() -> Problem:
    return Problem(
        401,
        "token_spent",
        "this address of the console was used before, or is older than 15 minutes",
        hint="`cogo console` prints a new one",
    )
