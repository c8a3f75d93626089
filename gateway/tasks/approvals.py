"""Questions to people, as a principal may see and answer them."""

from uuid import UUID

from gateway.auth.principal import Principal
from gateway.tasks.task_run import require_editor
from protocol.errors import MoveNotAllowed, NotFound
from protocol.records import ApprovalRow
from protocol.store.waits import WaitStore


async def load_visible_approval(
    store: WaitStore, principal: Principal, approval_id: UUID
) -> ApprovalRow:
    """Read a question. Raise NotFound if there is none, or the principal may not see it."""
    approval = await store.fetch_approval(approval_id=approval_id)
    if not (_is_asked(principal, approval) or principal.sees(approval)):
        raise NotFound(f"there is no approval {approval_id}, or it is not yours")
    return approval


async def answer_approval_for(
    store: WaitStore,
    principal: Principal,
    approval_id: UUID,
    *,
    approved: bool,
    comment: str | None,
    via: str,
) -> ApprovalRow:
    """Answer a question as the principal. Raise NotFound, MoveNotAllowed."""
    approval = await load_visible_approval(store, principal, approval_id)
    if not _is_asked(principal, approval):
        require_editor(principal, approval)
    person = None if principal.is_admin or principal.project is not None else principal.owner
    if person is None and approval.by is not None and not principal.is_admin:
        # Without a person the database would take it for an operator's answer.
        raise MoveNotAllowed(f"only {approval.by} may answer {approval.key}")
    return await store.answer_approval(
        approval_id=approval_id,
        approved=approved,
        comment=comment,
        via=via,
        person=person,
    )


def _is_asked(principal: Principal, approval: ApprovalRow) -> bool:
    """Return whether the question is to this person by name, or was passed on to them.

    A key of a project is no person, whoever its owner is.
    """
    asked = {approval.by, approval.escalate_to if approval.escalated_at else None}
    is_person = principal.owner is not None and principal.project is None
    return is_person and str(principal.owner) in asked
