"""OPTIMIZE_CODE: faster code that tests and timing show to be equal and faster, or the original."""

from agents.workflows.coding.candidates import CodeAttempt
from agents.workflows.coding.checks import Ladder, answer_unchecked
from agents.workflows.coding.job import TestSuite, find_obstacle
from agents.workflows.coding.optimization import (
    Optimization,
    build_optimized_result,
    read_optimization,
)
from agents.workflows.coding.speed import (
    LIMITS,
    Proof,
    Timing,
    build_timing_command,
    build_timing_files,
    read_timing,
)
from agents.workflows.engine import (
    BudgetSpent,
    DeadlinePassed,
    LastStep,
    Result,
    Run,
    StepFailed,
    workflow,
)
from agents.workflows.engine.readers import read_output
from agents.workflows.generate_code import REPAIRS, try_model
from agents.workflows.params import OptimizationParams
from agents.workflows.prompts.code import TESTER, ask_for_proof


@workflow("OPTIMIZE_CODE", params=OptimizationParams)
async def optimize_code(run: Run) -> Result | LastStep:
    """Write faster code, test and time it beside the original, and keep the better one."""
    work = read_optimization(run)
    if obstacle := work.find_obstacle() or find_obstacle(run, work.job):
        return await answer_unchecked(run, work.job, work.job.prompt, obstacle)
    ladder = Ladder.read(run, work.job, calls=1 + REPAIRS)
    await prove(run, work, ladder)
    stopped: StepFailed | None = None
    for model in ladder.models:
        tried: list[CodeAttempt] = []
        try:
            await try_model(run, work.job, work.tests, model, tried)
            if tried[-1].passed or (work.tests is None and not tried[-1].is_broken):
                await measure(run, work, tried[-1])
        except StepFailed as error:
            stopped = error
        work.tried += tried
        if work.is_done or isinstance(stopped, BudgetSpent | DeadlinePassed):
            break
    if not work.tried:
        raise stopped or RuntimeError("the ladder has no models")
    return build_optimized_result(work, ladder.strongest, stopped)


async def prove(run: Run, work: Optimization, ladder: Ladder) -> None:
    """Have a model of another maker write a workload, and tests if the task has none.

    Its tests count only if the original passes them, and a stub does not.
    """
    step = run.ask(
        "proof", ask_for_proof(run.prompt, work.original), schema=Proof, role="reviewer",
        not_by=[each for each in ladder.models[:1] if each], with_history=True,
        params=work.job.build_settings(TESTER),
    )  # fmt: skip
    try:
        proof = await step
    except StepFailed as error:
        if isinstance(error, BudgetSpent | DeadlinePassed):
            raise
        work.problem = f"no workload was written: {error.message}"
        return
    work.add_proof(proof, read_output(step), cost=step.record.cost_usd if step.record else None)
    if work.job.tests is not None:
        return
    original = work.build_original_files()
    checks = (
        run.check("baseline", files=original, tests=proof.tests),
        run.check("stub", files={work.job.main_file: ""}, tests=proof.tests, against="stub"),
    )
    baseline, stub = await run.settled(*checks)
    if isinstance(baseline, StepFailed) or isinstance(stub, StepFailed):
        return
    if baseline.passed and stub.verdict == "failed":
        work.tests = TestSuite(
            files=proof.tests, written_by=work.prover, vacuous=stub.passed_tests or 0
        )


async def measure(run: Run, work: Optimization, attempt: CodeAttempt) -> None:
    """Time a candidate beside the original."""
    if work.workload is None:
        work.timings.append((attempt, Timing(problem=work.problem)))
        return
    files = build_timing_files(
        work.build_original_files(),
        {**work.job.files, **attempt.candidate.files},
        work.workload,
    )
    report = await run.check(
        "timing", files=files, command=build_timing_command(work.job.main_file), limits=LIMITS
    )
    timing = read_timing(report)
    work.timings.append((attempt, timing))
    if timing.score is not None:
        run.judge(attempt.candidate.answer, timing.score, source="speed")
