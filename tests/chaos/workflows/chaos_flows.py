"""Workflows of a user that use every kind of step, for runs of chaos."""

from datetime import timedelta

from cogo.workflows import Answer, Result, Run, StepFailed, workflow


async def write(run: Run, model: str) -> Answer:
    """Write a draft and revise it."""
    draft = await run.ask("draft", run.prompt, model=model)
    return await run.ask("revision", f"{run.prompt}\n\nBetter than this: {draft.text}", model=model)


@workflow("CHAOS_TREE")
async def chaos_tree(run: Run) -> Result:
    """Have child tasks do parts of it, ask a person, and wait for an event."""
    draft = await run.ask("draft", run.prompt)
    parts = await run.settled(
        run.task("left", "CHAT", f"The first half: {run.prompt}", budget_usd=2),
        run.task("right", "STRATEGY", f"The second half: {run.prompt}"),
    )
    texts = ["nothing" if isinstance(each, StepFailed) else each.text for each in parts]
    approval, payload = await run.all(
        run.approve("publish", "Publish this?", show=draft.text), run.event("start", "go")
    )
    if not approval.approved:
        return Result(f"Refused: {approval.comment}")
    last = await run.ask("whole", "\n\n".join([run.prompt, *texts, str(payload)]), answer=True)
    return Result(last.text)


@workflow("CHAOS_RACE")
async def chaos_race(run: Run) -> Result:
    """Let branches race, sleep a little, and repeat a step."""
    await run.sleep_until("nap", run.now + timedelta(seconds=0.5))
    models = run.different_models(3)
    branch, best = await run.first(
        *(run.branch(f"model{n}", write(run, each)) for n, each in enumerate(models, 1))
    )
    for _ in range(2):
        best = await run.ask("polish", f"{run.prompt}\n\nShorter: {best.text}")
    await run.first(
        run.event("never", "never-sent"), run.sleep_until("late", run.now + timedelta(seconds=1))
    )
    return Result(best.text, output={"branch": branch.key})
