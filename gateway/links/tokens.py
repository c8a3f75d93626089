"""Tokens of links: each names a question and who answers it, and expires."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt

from protocol.errors import InvalidArgument, MoveNotAllowed
from protocol.ids import utc_now
from protocol.records import ApprovalRow

PREFIX: Final = "/a/"
"""Paths of links; what follows is secret."""
DEFAULT_HOURS: Final = 72.0
MAX_HOURS: Final = 90 * 24.0
_ALGORITHM: Final = "HS256"
_PURPOSE: Final = "cogo:approval"
"""Audience, so that a token for another purpose with the same secret is none of these."""


class LinkInvalid(Exception):
    """The token was changed, cut off, or signed with another secret."""


class LinkExpired(Exception):
    """The token was valid until some time ago."""


@dataclass(frozen=True, slots=True)
class ApprovalLink:
    """What a token says."""

    approval_id: UUID
    person: UUID | None
    """Who answers; None: an operator."""
    expires_at: datetime


class LinkSigner:
    """Makes and reads tokens with a secret of the deployment."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, link: ApprovalLink) -> str:
        """Return a token. Whoever has it may answer this question for this person."""
        claims = {
            "aud": _PURPOSE,
            "exp": link.expires_at,
            "approval": str(link.approval_id),
            "person": None if link.person is None else str(link.person),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def build_url(self, base: str, link: ApprovalLink) -> str:
        """Return the address of a link at the gateway `base`."""
        return f"{base.rstrip('/')}{PREFIX}{self.sign(link)}"

    def read(self, token: str) -> ApprovalLink:
        """Return what a token says. Raise LinkExpired or LinkInvalid."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_PURPOSE,
                options={"require": ["exp", "aud", "approval"]},
            )
            person = claims.get("person")
            return ApprovalLink(
                approval_id=UUID(claims["approval"]),
                person=None if person is None else UUID(person),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except jwt.ExpiredSignatureError as error:
            raise LinkExpired from error
        except (jwt.InvalidTokenError, ValueError, AttributeError, TypeError) as error:
            raise LinkInvalid from error


def plan_link(
    approval: ApprovalRow, *, person: UUID | None = None, hours: float = DEFAULT_HOURS
) -> ApprovalLink:
    """Return the link for a question, to whom it asks unless `person` is named.

    It expires with the question. Raise MoveNotAllowed if nobody waits for the answer, or this
    person may not give it.
    """
    if not approval.is_open:
        raise MoveNotAllowed(f"{approval.key} waits for no answer any more")
    if not 0 < hours <= MAX_HOURS:
        raise InvalidArgument(f"a link is valid for up to {MAX_HOURS:g} hours, not {hours:g}")
    if person is None:
        person = _find_asked(approval)
    elif not _may_answer(approval, person):
        asked = approval.by or "the owner of the task"
        raise MoveNotAllowed(f"{person} may not answer {approval.key}: it asks {asked}")
    expires_at = utc_now() + timedelta(hours=hours)
    if approval.expires_at is not None:
        expires_at = min(expires_at, approval.expires_at)
    return ApprovalLink(approval.id, person, expires_at)


def _find_asked(approval: ApprovalRow) -> UUID | None:
    if approval.by == "operators":
        return None
    return approval.owner if approval.by is None else UUID(approval.by)


def _may_answer(approval: ApprovalRow, person: UUID) -> bool:
    asked = {str(approval.owner) if approval.by is None else approval.by}
    return str(person) in asked | {approval.escalate_to}
