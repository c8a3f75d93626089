"""GENERATE_CODE: code that was run before it is handed over."""

from collections.abc import Sequence

from agents.workflows.coding.candidates import CodeAttempt, build_candidate, find_best
from agents.workflows.coding.checks import Ladder, answer_unchecked, check_candidate, write_tests
from agents.workflows.coding.job import CodeJob, TestSuite, find_obstacle, read_job
from agents.workflows.coding.results import Spending, judge
from agents.workflows.engine import (
    Answer,
    BudgetSpent,
    DeadlinePassed,
    LastStep,
    Result,
    Run,
    StepFailed,
    workflow,
)
from agents.workflows.params import CodeParams
from agents.workflows.prompts import code as prompts

REPAIRS = 1
"""Further repairs by the same model are mostly wasted; another one finds what it does not see."""


@workflow("GENERATE_CODE", params=CodeParams)
async def generate_code(run: Run) -> Result | LastStep:
    """Write code and run its tests; repair it once, then escalate while they fail."""
    job = read_job(run)
    if obstacle := find_obstacle(run, job):
        return await answer_unchecked(run, job, run.prompt, obstacle)
    ladder = Ladder.read(run, job, calls=1 + REPAIRS)
    tests, written = job.tests, list[Answer]()
    if tests is None:
        tests = await write_tests(run, job, ladder, written)
    tried: list[CodeAttempt] = []
    if team := run.team():
        stopped = await try_team(run, job, tests, team, tried)
    else:
        # That code passes tests of its own author shows little.
        author = tests.written_by if tests else None
        models = [each for each in ladder.models if each is None or each != author]
        stopped = await climb_models(run, job, tests, models or ladder.models, tried)
    if not tried:
        raise stopped or RuntimeError("there was no model to try")
    best = find_best(tried)
    notes = [f"Not everything could be tried: {stopped.message}"] if stopped else []
    spent = Spending(attempts=tried, others=written, strongest=ladder.strongest)
    return judge(best, tests, spent, [] if best.passed else notes)


async def climb_models(
    run: Run,
    job: CodeJob,
    tests: TestSuite | None,
    models: Sequence[str | None],
    tried: list[CodeAttempt],
) -> StepFailed | None:
    """Try one model after another until the code passes; return the last failure of a step."""
    stopped: StepFailed | None = None
    for model in models:
        try:
            await try_model(run, job, tests, model, tried)
        except StepFailed as error:
            stopped = error
            if isinstance(error, BudgetSpent | DeadlinePassed):
                break
        if is_settled(tried, tests):
            break
    return stopped


async def try_team(
    run: Run, job: CodeJob, tests: TestSuite | None, team: Sequence[str], tried: list[CodeAttempt]
) -> StepFailed | None:
    """Try all models of a team at once; return the last failure of a step."""
    ended = await run.settled(
        *(
            run.branch(f"member_{number}", try_model(run, job, tests, model, tried))
            for number, model in enumerate(team, start=1)
        )
    )
    return next((each for each in reversed(ended) if isinstance(each, StepFailed)), None)


async def try_model(
    run: Run, job: CodeJob, tests: TestSuite | None, model: str | None, tried: list[CodeAttempt]
) -> None:
    """Add a draft, and its repair if it fails; not one that fails as the draft did before."""
    prompt = prompts.ask_for_code(job.prompt, job.language, earlier=tried)
    for key in ("draft", *["repair"] * REPAIRS):
        settings = job.build_settings(prompts.EXPERT, tests=tests)
        answer = await run.ask(
            key, prompt, model=model, role="coding", language=job.language, answer=True,
            with_history=key == "draft", after=[each.model for each in tried], params=settings,
        )  # fmt: skip
        before = {each.report.signature for each in tried if each.model == answer.model}
        attempt = await check_candidate(run, job, tests, build_candidate(job, answer, tests))
        tried.append(attempt)
        if is_settled(tried, tests) or attempt.report.signature in before:
            return
        prompt = prompts.ask_for_repair(job.prompt, attempt)


def is_settled(tried: Sequence[CodeAttempt], tests: TestSuite | None) -> bool:
    """Return whether more attempts would show nothing new."""
    if not tried:
        return False
    last = tried[-1]
    if last.passed or last.report.verdict in {"unavailable", "no_tests"}:
        return True
    # If models of two makers fail a written test in the same way, the test is the likelier culprit.
    alike = {each.model for each in tried if each.report.signature == last.report.signature}
    return tests is not None and tests.written_by is not None and len(alike) > 1
