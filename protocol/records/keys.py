"""API keys of the gateway, as they are stored."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, Row


class NewApiKey(Argument):
    """A key to store. The key itself is never sent to the database."""

    id: str
    hash: str
    """SHA-256 of the whole key, in hexadecimal."""
    name: str
    scopes: list[str]
    owner: UUID | None = None
    """The user whose tasks it submits; None: tasks without an owner, as with the secret key."""
    expires_at: datetime | None = None
    replaces: str | None = None
    """Id of the key that it replaces."""
    grace_seconds: int = 0
    """For how long the replaced key stays valid."""


class ApiKey(Row):
    """A stored key, without its hash."""

    id: str
    name: str
    owner: UUID | None = None
    scopes: list[str] = Field(default_factory=list)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    usable: bool
    """Whether it is neither revoked nor expired, by the database's clock."""
