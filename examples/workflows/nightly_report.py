"""A report that is written every night by tasks of their own."""

from datetime import timedelta

from cogo.workflows import Again, Params, Run, StepFailed, workflow


class ReportParams(Params):
    """The questions of the report, and the hour (UTC) at which it begins."""

    questions: list[str]
    hour: int = 2


@workflow("NIGHTLY_REPORT", params=ReportParams)
async def nightly_report(run: Run) -> Again:
    """Answer each question with a task of its own, sum up, and do the same tomorrow."""
    params = run.params_as(ReportParams)
    started = run.now
    tasks = [run.task("question", "CHAT", each, budget_usd=0.05) for each in params.questions]
    parts = [
        f"{question}\n{'(no answer)' if isinstance(found, StepFailed) else found.text}"
        for question, found in zip(params.questions, await run.settled(*tasks), strict=True)
    ]
    report = await run.ask("report", "\n\n".join([run.prompt, *parts]), answer=True)
    tomorrow = started + timedelta(days=1)
    at = tomorrow.replace(hour=params.hour, minute=0, second=0, microsecond=0)
    return run.again(at=at, result=report.text)
