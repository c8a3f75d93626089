"""Asks an operator whether a comment may be published; the database does the rest."""

from pydantic import BaseModel

from cogo.workflows import Result, Run, workflow


class ReviewParams(BaseModel):
    """The comment, and what a model thinks of it."""

    comment: int
    verdict: str


@workflow("REVIEW_COMMENT", params=ReviewParams)
async def review_comment(run: Run) -> Result:
    """Ask a person about a comment."""
    params = run.params_as(ReviewParams)
    show = {"comment": params.comment, "verdict": params.verdict, "body": run.prompt}
    decision = await run.approve(
        "publish_comment", "Publish this comment?", show=show, by="operators"
    )
    return Result("Published." if decision.approved else "Not published.")
