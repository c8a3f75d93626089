"""Keys of the HTTP gateway, as they are stored."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, Row


class NewApiKey(Argument):
    """A key to be stored. The text of the key itself never reaches the database."""

    id: str
    hash: str
    """SHA-256 of the whole key, in hexadecimal."""
    name: str
    scopes: list[str]
    owner: UUID | None = None
    """For whom it asks; None: for nobody in particular, as the secret key does."""
    expires_at: datetime | None = None
    replaces: str | None = None
    """Id of a key that this one follows."""
    grace_seconds: int = 0
    """For how long the replaced one still works."""


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
    """Neither revoked nor expired, by the database's clock."""
