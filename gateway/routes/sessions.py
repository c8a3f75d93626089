"""Conversations that tasks share."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import ServicesDep, TasksRead, TasksWrite
from gateway.strict_json import StrictRoute
from gateway.tasks.task_run import MAX_SESSION_NAME, derive_session_id
from protocol.errors import NotFound
from protocol.records import ForgottenSessions, SessionPage, SessionRow
from protocol.records.base import may_have_more

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=StrictRoute)

SessionName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=MAX_SESSION_NAME,
        description="The id of the session, or the name that requests gave as `session_id`.",
    ),
]
SessionOwnerQuery = Annotated[
    UUID | None,
    Query(description="With the scope `admin`: whose session; without, that of nobody."),
]


class SessionListRequest(BaseModel):
    """The size of a page of sessions."""

    limit: int = Field(50, ge=1, le=200)
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the previous page.")


class SessionList(BaseModel):
    """A page of sessions, newest first."""

    sessions: list[SessionRow]
    next: int | None = Field(description="`before` of the next page; null if there is none.")


class SessionMessagesRequest(BaseModel):
    """The size of a page of messages."""

    limit: int = Field(100, ge=1, le=1_000)
    before: int | None = Field(None, ge=1, le=2**53, description="`seq` of the last message read.")


class Fork(BaseModel):
    """What is copied."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"through": 1042}]})

    through: int | None = Field(
        None, ge=1, le=2**53, description="`seq` of a message: the copy ends with its turn."
    )
    owner: UUID | None = Field(None, description="With the scope `admin`: whose session.")


class ForkedSessionAnswer(BaseModel):
    """The copy."""

    session_id: UUID


@router.get("", summary="List sessions")
async def list_sessions(
    services: ServicesDep, principal: TasksRead, page: Annotated[SessionListRequest, Query()]
) -> SessionList:
    """List your sessions, newest first; with the scope `admin` those of all owners."""
    found = await services.store.fetch_sessions(
        limit=page.limit,
        owner=principal.choose_owner(None),
        every_owner=principal.is_admin,
        before=page.before,
    )
    return SessionList(
        sessions=found, next=found[-1].seq if may_have_more(found, page.limit) else None
    )


@router.get("/{session}", summary="Show a session")
async def show_session(
    session: SessionName,
    services: ServicesDep,
    principal: TasksRead,
    page: Annotated[SessionMessagesRequest, Query()],
    owner: SessionOwnerQuery = None,
) -> SessionPage:
    """Return the newest messages of a session, newest first, and its summary."""
    found = await services.store.read_session(
        owner=principal.choose_owner(owner),
        session_id=derive_session_id(session, principal),
        before=page.before,
        limit=page.limit,
    )
    if found is None:
        raise NotFound(f"there is no session {session!r}, or it is not yours")
    return found


@router.post("/{session}/fork", summary="Copy a session", status_code=201)
async def fork_session(
    session: SessionName, services: ServicesDep, principal: TasksWrite, body: Fork | None = None
) -> ForkedSessionAnswer:
    """Copy a session, all of it or up to a turn. What is said later is said in one of them."""
    asked = body or Fork()
    made = await services.store.fork_session(
        owner=principal.choose_owner(asked.owner),
        session_id=derive_session_id(session, principal),
        through=asked.through,
    )
    return ForkedSessionAnswer(session_id=made)


@router.delete("/{session}", summary="Delete a session")
async def forget_session(
    session: SessionName,
    services: ServicesDep,
    principal: TasksWrite,
    owner: SessionOwnerQuery = None,
) -> ForgottenSessions:
    """Delete a session with its messages and its summary. Its tasks stay."""
    found = await services.store.forget_sessions(
        owner=principal.choose_owner(owner), ids=[derive_session_id(session, principal)]
    )
    if not found.sessions:
        raise NotFound(f"there is no session {session!r}, or it is not yours")
    return found
