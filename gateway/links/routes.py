"""Routes of links: `/a/TOKEN` shows and answers a question, operators create the links."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.dependencies import AdminOnly, GatewayServices, ServicesDep
from gateway.limits.connection_limiter import get_client_address
from gateway.links.page import (
    MAX_COMMENT,
    build_answered_page,
    build_page,
    build_question_page,
)
from gateway.links.tokens import (
    DEFAULT_HOURS,
    MAX_HOURS,
    PREFIX,
    ApprovalLink,
    LinkExpired,
    LinkInvalid,
    plan_link,
)
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from protocol.errors import CogoError, MoveNotAllowed, NotFound
from protocol.records import ApprovalRow

router = APIRouter(tags=["tasks"], route_class=StrictRoute)
pages = APIRouter(include_in_schema=False)

NO_SECRET: Final = (
    "links need a secret: set COGO_LINK_SECRET for the gateway and whoever makes them"  # noqa: S105
)
_ANSWERS: Final = {"yes": True, "no": False}


class LinkRequest(BaseModel):
    """A link to answer a question."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"hours": 24}]})

    person: UUID | None = Field(
        None, description="Who answers by it; null: whom the question asks."
    )
    hours: float = Field(DEFAULT_HOURS, gt=0, le=MAX_HOURS, description="It expires after these.")


class CreatedLink(BaseModel):
    """A link. Whoever has it may answer this one question."""

    url: str
    person: UUID | None = Field(description="Who answers by it; null: an operator.")
    expires_at: datetime


@router.post("/approvals/{approval_id}/link", summary="Create a link to answer a question")
async def create_approval_link(
    approval_id: UUID,
    request: Request,
    services: ServicesDep,
    _: AdminOnly,
    body: LinkRequest,
) -> CreatedLink:
    """Create a link that shows a question and takes its answer, once, without signing in.

    It expires with the question. Needs the scope `admin`, and COGO_LINK_SECRET at the gateway.
    """
    if services.links is None:
        raise Problem(409, "no_links", NO_SECRET)
    approval = await services.store.fetch_approval(approval_id=approval_id)
    link = plan_link(approval, person=body.person, hours=body.hours)
    base = services.options.public_url or str(request.base_url)
    return CreatedLink(
        url=services.links.build_url(base, link),
        person=link.person,
        expires_at=link.expires_at,
    )


@pages.api_route(PREFIX + "{token}", methods=["GET", "HEAD"])
async def show_link(token: str, request: Request, services: ServicesDep) -> Response:
    """Show the question; previews of links fetch it too, so it answers nothing."""
    read = await _read_link(token, request, services)
    if isinstance(read, Response):
        return read
    link, approval = read
    return _build_state_page(approval) or build_question_page(
        approval, answers_as=_describe_person(link)
    )


@pages.post(PREFIX + "{token}")
async def answer_link(token: str, request: Request, services: ServicesDep) -> Response:
    """Answer the question."""
    read = await _read_link(token, request, services)
    if isinstance(read, Response):
        return read
    link, approval = read
    async with request.form(max_files=0, max_fields=10, max_part_size=16 * MAX_COMMENT) as form:
        given = form.get("approved"), form.get("comment")
    approved = _ANSWERS.get(str(given[0]))
    # The database has no text with the character 0.
    comment = str(given[1] or "").replace("\r\n", "\n").replace("\0", "").strip()
    problem = _find_problem(approval, approved, comment)
    if approved is None or problem is not None:
        return _build_state_page(approval) or build_question_page(
            approval, answers_as=_describe_person(link), problem=problem, status=422
        )
    try:
        answered = await services.store.answer_approval(
            approval_id=link.approval_id,
            approved=approved,
            comment=comment or None,
            person=link.person,
            via="link",
        )
    except MoveNotAllowed as error:
        found = await services.store.fetch_approval(approval_id=link.approval_id)
        state = _build_state_page(found, is_conflict=True)
        return state or build_page(409, "This was not answered", error.message)
    except CogoError as error:
        return _build_error_page(error)
    return build_answered_page(answered)


def _find_problem(approval: ApprovalRow, approved: bool | None, comment: str) -> str | None:
    if approved is None:
        return "Choose one of the two buttons."
    if len(comment) > MAX_COMMENT:
        return f"The text has {len(comment)} characters; the limit is {MAX_COMMENT}."
    if approved and approval.is_text_question and not comment:
        return "Write the answer first."
    return None


async def _read_link(
    token: str, request: Request, services: GatewayServices
) -> tuple[ApprovalLink, ApprovalRow] | Response:
    """Return what the token says and the question, or the page that says why there is none."""
    try:
        services.authenticator.count_request(get_client_address(request.scope))
    except Problem as error:
        page = build_page(error.status_code, "Too many requests", error.hint or "")
        page.headers.update(error.headers or {})
        return page
    if services.links is None:
        return build_page(404, "This gateway has no links", NO_SECRET)
    try:
        link = services.links.read(token)
        return link, await services.store.fetch_approval(approval_id=link.approval_id)
    except LinkExpired:
        return build_page(
            410, "This link has expired", "Nothing was answered. Ask for another link."
        )
    except LinkInvalid:
        return build_page(
            403,
            "This link is not valid",
            "It is not complete, or was not made here. Copy the whole address, or ask for another.",
        )
    except CogoError as error:
        return _build_error_page(error)


def _build_state_page(approval: ApprovalRow, *, is_conflict: bool = False) -> Response | None:
    """Return the page of a question that is not open; None if it is."""
    if approval.answered_at is not None:
        return build_answered_page(approval, status=409 if is_conflict else 200)
    if approval.withdrawn_at is not None:
        why = approval.withdrawn_reason or "the step that asked has ended"
        return build_page(409, "Nobody needs this answer any more", f"Withdrawn: {why}.")
    return None


def _build_error_page(error: CogoError) -> Response:
    if isinstance(error, NotFound):
        return build_page(
            404,
            "This question does not exist any more",
            "Its task was deleted, or it is not yours.",
        )
    page = build_page(503, "This cannot be answered now", "Try again in a moment.")
    page.headers["Retry-After"] = "5"
    return page


def _describe_person(link: ApprovalLink) -> str:
    return "an operator" if link.person is None else str(link.person)
