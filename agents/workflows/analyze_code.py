"""ANALYZE_CODE: findings about code, bugs that a test reproduces, or documentation."""

from agents.workflows.coding.analysis import (
    Analysis,
    build_bugs_result,
    build_documented_result,
    read_analysis,
    score_reproduction,
)
from agents.workflows.coding.checks import run_check
from agents.workflows.coding.findings import Bugs, Findings, build_findings_result
from agents.workflows.coding.syntax import SyntaxComparison, compare_syntax
from agents.workflows.engine import Answer, LastStep, Result, Run, StepFailed, workflow
from agents.workflows.engine.readers import read_output
from agents.workflows.params import AnalysisParams
from agents.workflows.params.step_params import EXTRACT_CODE
from agents.workflows.prompts import code as prompts


@workflow("ANALYZE_CODE", params=AnalysisParams)
async def analyze_code(run: Run) -> Result | LastStep:
    """Review code, find its bugs and reproduce the worst one, or document it."""
    analysis = read_analysis(run)
    try:
        match analysis.kind:
            case "debug":
                return await debug(run, analysis)
            case "document":
                return await document(run, analysis)
            case _:
                return await review(run, analysis)
    except StepFailed as error:
        if error.error_class != "invalid_answer":
            raise
        return answer_in_words(run, analysis)


async def review(run: Run, analysis: Analysis) -> Result:
    """List findings as data."""
    prompt = prompts.ask_for_findings(analysis.kind, run.prompt, analysis.code)
    step = run.ask("findings", prompt, schema=Findings, with_history=True, params=analysis.settings)
    return build_findings_result(await step, read_output(step))


async def debug(run: Run, analysis: Analysis) -> Result:
    """List bugs, and run a test that shows the worst one: it must fail, and pass after the fix."""
    prompt = prompts.ask_for_bugs(run.prompt, analysis.code, analysis.job.language)
    step = run.ask("findings", prompt, schema=Bugs, with_history=True, params=analysis.settings)
    bugs, before, after = await step, None, None
    obstacle = analysis.find_obstacle(run, bugs)
    if obstacle is None:
        before = await run_check(run, "reproduce", **analysis.build_check(analysis.code, bugs.test))
        if before.verdict == "failed" and bugs.fixed_code:
            after = await run_check(run, "fix", **analysis.build_check(bugs.fixed_code, bugs.test))
    score = score_reproduction(before, after)
    if score is not None:
        run.judge(step, score, source="own_tests")
    return build_bugs_result(bugs, read_output(step), obstacle=obstacle, before=before, after=after)


async def document(run: Run, analysis: Analysis) -> Result:
    """Add docstrings and comments; if the program is not the same after it, once more."""
    draft, compared = await write_documentation(run, analysis)
    if compared.is_same is False:
        draft, compared = await write_documentation(run, analysis, problem=compared.reason)
    return build_documented_result(draft, compared)


async def write_documentation(
    run: Run, analysis: Analysis, problem: str | None = None
) -> tuple[Answer, SyntaxComparison]:
    """Return documented code, and whether it is the same program."""
    draft = await run.ask(
        "document", prompts.ask_for_documentation(run.prompt, analysis.code, problem),
        answer=True, with_history=True, language=analysis.job.language,
        params=analysis.settings | {EXTRACT_CODE: True, "system": prompts.EXPERT},
    )  # fmt: skip
    return draft, compare_syntax(analysis.code, draft.code, analysis.job.language)


def answer_in_words(run: Run, analysis: Analysis) -> LastStep:
    """End with an answer in words, if no model gives data."""
    prompt = prompts.ask_for_analysis(analysis.kind, run.prompt, analysis.code)
    settings = analysis.settings
    return run.hand_over(run.ask("main", prompt, answer=True, with_history=True, params=settings))
