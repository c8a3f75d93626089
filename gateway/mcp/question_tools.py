"""The tools for questions to people."""

from typing import Any, Final

from mcp_types import ToolAnnotations

from gateway.auth.principal import Scope
from gateway.mcp.answers import ToolAnswer
from gateway.mcp.arguments import AnswerArguments, ApprovalListArguments
from gateway.mcp.backend import READS, ServedTool, ToolCaller
from gateway.tasks.approvals import answer_approval_for
from protocol.records import ApprovalRow
from protocol.records.base import may_have_more

VIA: Final = "mcp"
"""Recorded as `answered_via`."""


async def _list_approvals(caller: ToolCaller, arguments: ApprovalListArguments) -> ToolAnswer:
    found = await caller.services.store.find_approvals(
        limit=arguments.limit,
        visible=caller.principal.visibility,
        task_id=arguments.task_id,
        before=arguments.before,
    )
    rest = found[-1].seq if may_have_more(found, arguments.limit) else None
    return ToolAnswer({"approvals": [describe_approval(each) for each in found], "next": rest})


async def _answer_approval(caller: ToolCaller, arguments: AnswerArguments) -> ToolAnswer:
    row = await answer_approval_for(
        caller.services.store,
        caller.principal,
        arguments.approval_id,
        approved=arguments.approved,
        comment=arguments.comment,
        via=VIA,
    )
    return ToolAnswer(describe_approval(row))


def describe_approval(row: ApprovalRow) -> dict[str, Any]:
    """Return a question as JSON."""
    described = {
        "approval_id": row.id,
        "task_id": row.task_id,
        "key": row.key,
        "kind": row.kind,
        "question": row.question,
        "show": row.show,
        "by": row.by,
        "cost_usd": None if row.cost_usd is None else float(row.cost_usd),
        "expires_at": row.expires_at,
        "on_expiry": None if row.expires_at is None else row.on_expiry,
        "asked_at": row.asked_at,
        "approved": row.approved,
        "comment": row.comment,
        "answered_at": row.answered_at,
        "answered_who": row.answered_who,
    }
    return {name: each for name, each in described.items() if each is not None}


QUESTION_TOOLS: Final = (
    ServedTool(
        name="list_approvals",
        title="List questions to people",
        description="List the questions of tasks that wait for a person. Do not answer them "
        "yourself: show them to the person and pass their decision on with answer_approval.",
        scope=Scope.TASKS_READ,
        arguments=ApprovalListArguments,
        run=_list_approvals,
        annotations=READS,
    ),
    ServedTool(
        name="answer_approval",
        title="Answer a question",
        description="Approve or refuse what a task asks, as the person has decided. The first "
        "answer counts.",
        scope=Scope.TASKS_WRITE,
        arguments=AnswerArguments,
        run=_answer_approval,
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True
        ),
    ),
)
