"""API keys of this gateway."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.auth.keys import generate_key, hash_key
from gateway.auth.principal import CONSOLE_SCOPES, Scope
from gateway.dependencies import AdminOnly, ServicesDep
from gateway.problems import Problem
from gateway.routes.operate.values import Reason
from gateway.strict_json import StrictRoute
from protocol.ids import utc_now
from protocol.records import ApiKey, NewApiKey
from protocol.store.operator import stating

router = APIRouter(prefix="/keys", tags=["operate"], route_class=StrictRoute)

KeyId = Annotated[str, Path(min_length=1, max_length=200)]


class Keys(BaseModel):
    """Keys, newest first. Sign-in links and sessions of the console only while they last."""

    keys: list[ApiKey]


class KeyRequest(BaseModel):
    """A new key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "dashboard", "scopes": ["tasks:read"]}]},
    )

    name: str = Field(min_length=1, max_length=200, description="What the key is for.")
    scopes: list[Scope] = Field(
        default=[Scope.TASKS_READ, Scope.TASKS_WRITE, Scope.MODELS_READ],
        min_length=1,
        max_length=20,
    )
    owner: UUID | None = Field(None, description="The user for whom it acts; null: no owner.")
    project: str | None = Field(
        None, max_length=100, description="It sees and makes only tasks of this project."
    )
    expires_at: AwareDatetime | None = Field(None, description="null: it does not expire.")
    reason: Reason = None


class Rotation(BaseModel):
    """How long the old key stays valid."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"grace_seconds": 60}]}
    )

    grace_seconds: int = Field(0, ge=0, le=30 * 24 * 3600)
    reason: Reason = None


class CreatedKey(BaseModel):
    """A key, which is shown only now."""

    key: str = Field(description="Store it now: the database has only its hash.")
    stored: ApiKey


@router.get("", summary="List keys")
async def list_keys(services: ServicesDep, _principal: AdminOnly) -> Keys:
    """List API keys with their scopes, owners and last use; never the keys themselves."""
    known = await services.store.fetch_api_keys()
    return Keys(
        keys=[each for each in known if each.usable or CONSOLE_SCOPES.isdisjoint(each.scopes)]
    )


@router.post("", status_code=status.HTTP_201_CREATED, summary="Create a key")
async def create_key(services: ServicesDep, _principal: AdminOnly, body: KeyRequest) -> CreatedKey:
    """Create a key and return it, once."""
    if not CONSOLE_SCOPES.isdisjoint(body.scopes):
        raise Problem(400, "invalid_request", "scopes: those of the console are not for keys")
    if body.expires_at is not None and body.expires_at <= utc_now():
        raise Problem(400, "invalid_request", "expires_at: must be in the future")
    return await _create(
        services,
        NewApiKey(
            id="",
            hash="",
            name=body.name,
            scopes=[each.value for each in body.scopes],
            owner=body.owner,
            project=body.project,
            expires_at=body.expires_at,
        ),
        body.reason,
    )


@router.post("/{key_id}/rotate", status_code=status.HTTP_201_CREATED, summary="Replace a key")
async def rotate_key(
    key_id: KeyId, services: ServicesDep, _principal: AdminOnly, body: Rotation | None = None
) -> CreatedKey:
    """Create a key with the same name, scopes, owner and lifetime; the old one ends."""
    asked = body or Rotation()
    old = next((each for each in await services.store.fetch_api_keys() if each.id == key_id), None)
    if old is None:
        raise Problem(404, "not_found", f"there is no key {key_id}")
    return await _create(
        services,
        NewApiKey(
            id="",
            hash="",
            name=old.name,
            scopes=old.scopes,
            owner=old.owner,
            project=old.project,
            expires_at=_renew(old),
            replaces=old.id,
            grace_seconds=asked.grace_seconds,
        ),
        asked.reason,
    )


@router.delete("/{key_id}", summary="Revoke a key")
async def revoke_key(
    key_id: KeyId,
    services: ServicesDep,
    _principal: AdminOnly,
    reason: Annotated[Reason, Query()] = None,
) -> ApiKey:
    """Revoke a key for good. Gateways notice within ten seconds."""
    with stating(reason):
        return await services.store.revoke_api_key(key_id=key_id)


async def _create(services: ServicesDep, new: NewApiKey, reason: str | None) -> CreatedKey:
    key_id, key = generate_key()
    with stating(reason):
        stored = await services.store.create_api_key(
            new.model_copy(update={"id": key_id, "hash": hash_key(key)})
        )
    return CreatedKey(key=key, stored=stored)


def _renew(old: ApiKey) -> datetime | None:
    lifetime: timedelta | None = old.expires_at - old.created_at if old.expires_at else None
    return None if lifetime is None else utc_now() + lifetime
