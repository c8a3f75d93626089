"""COORDINATE: a plan, its parts, tests of all of them together, a debate about it, one revision."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from agents.workflows.coding.checks import run_check
from agents.workflows.coding.job import CHECKED_LANGUAGES, TestSuite, find_language
from agents.workflows.engine import Result, Run, Step, StepFailed, workflow
from agents.workflows.params import ChatParams, CodeParams
from agents.workflows.parts import Parts
from agents.workflows.planning.blueprint import (
    MAX_PIECES,
    ArrangedPlan,
    Blueprint,
    PlannedPiece,
    arrange_pieces,
)
from agents.workflows.planning.coordination import Coordination
from agents.workflows.planning.do_steps import do_when_ready
from agents.workflows.planning.interfaces import find_named_files, show_files
from agents.workflows.planning.merging import merge_files
from agents.workflows.planning.whole import (
    MAX_SHOWN_TEXT,
    StepValue,
    WholeCheck,
    choose_test_path,
    find_main_language,
    is_ready,
    list_changes,
)
from agents.workflows.prompts import coordinate as prompts

LATER_SHARES = 4
"""Shares of the budget beside those of the parts: tests, the debate (two), a revision."""
DEBATE_SHARE = Decimal(2) / 3
"""Of what is left after the tests; the rest is for a revision."""


@workflow("COORDINATE", params=ChatParams)
async def coordinate(run: Run) -> Result:
    """Plan, do the parts, test them together, have them debated, and revise once.

    Parts that are code are child tasks, so they are run before others build on them.
    """
    parts, notes = Parts(), list[str]()
    plan = await make_plan(run, parts, notes)
    if plan is None:
        return await answer_alone(run, parts, notes)
    work = Coordination(
        plan=plan, needs=plan.needs, waves=plan.waves, owners=plan.owners, parts=parts, notes=notes
    )
    await run.branch("implement", implement(run, work))
    if not work.done:
        return await answer_alone(run, parts, notes)
    merged = work.merge()
    notes += merged.notes
    check = await test_together(run, work, merged.files)
    if not merged.files:
        await write_whole(run, work)
    problems = [check.explain()] if check.is_failed else []
    problems += await debate_result(run, work, check)
    if problems:
        check = await revise(run, work, check, problems)
    return work.build_result(check)


async def make_plan(run: Run, parts: Parts, notes: list[str]) -> ArrangedPlan | None:
    """Return the plan; None if no model gives one."""
    prompt = prompts.ask_for_blueprint(run.prompt, MAX_PIECES)
    step = run.ask(
        "strategy", prompt, schema=Blueprint, role="strategic", with_history=True,
        params=run.params_as(ChatParams).for_step(prompts.PLANNER, prompt),
    )  # fmt: skip
    try:
        blueprint = await step
    except StepFailed as error:
        if error.error_class != "invalid_answer":
            raise
        parts.add(step, problem=error)
        notes.append(f"The work was not divided: {error.message}")
        return None
    parts.add(step, text=blueprint.to_text())
    plan = arrange_pieces(blueprint, find_language(run.prompt, CodeParams()))
    notes += plan.notes
    return plan


async def answer_alone(run: Run, parts: Parts, notes: Sequence[str]) -> Result:
    """Ask one model for the whole work, which could not be divided."""
    settings = {"system": prompts.INTEGRATOR} | run.params_as(ChatParams).for_request()
    step = run.ask("alone", run.prompt, answer=True, with_history=True, params=settings)
    answer = await step
    parts.add(step)
    output = {**answer.output, **parts.build_output(answer.text), "notes": [*notes]}
    return Result(answer.text, output=output)


async def implement(run: Run, work: Coordination) -> None:
    """Do each piece as soon as its needs are done; one whose needs were not done is left out."""
    planned = work.plan.pieces

    async def begin(names: Sequence[str]) -> dict[str, Step[StepValue]]:
        share = get_share(run, Decimal(1) / (len(work.list_open()) + LATER_SHARES))
        return {name: begin_piece(run, work, planned[name], share) for name in names}

    def keep(name: str, ended: StepValue | StepFailed) -> None:
        piece = planned[name]
        work.keep(name, ended, is_code=piece.kind == "code", interface=piece.interface)

    work.steps = await do_when_ready(run, work, begin, keep)
    for step in work.steps.values():
        work.parts.add_child(step, role=step.role or "coding")


def begin_piece(
    run: Run, work: Coordination, piece: PlannedPiece, share: Decimal | None
) -> Step[StepValue]:
    """Describe the work on one piece, which sees the results that it needs; `share` is its budget.

    Its code runs with the files of everything that it builds on.
    """
    results = [each.show() for each in work.list_needed_results(piece.name)]
    about = (piece.instruction, piece.interface, piece.acceptance)
    prompt = prompts.ask_for_piece(run.prompt, work.plan.approach, about, results)
    if piece.kind == "text":
        return run.ask(
            piece.name, prompt, role="specialist", with_history=True, system=prompts.SPECIALIST
        )
    files = work.merge_needed(piece.name)
    settings = (
        run.params_as(ChatParams).for_child() | run.recalled_params | {"target_file": piece.file}
    )
    return run.task(
        piece.name, "GENERATE_CODE", prompt, settings | ({"files": files} if files else {}), share
    )


async def test_together(run: Run, work: Coordination, files: Mapping[str, str]) -> WholeCheck:
    """Have a model of another maker write tests of all files, and run them together."""
    language = find_main_language(files) or "python"
    check = WholeCheck(files=files, language=language)
    code = [each for each in work.list_done() if each.files]
    if not code:
        return check
    if language not in CHECKED_LANGUAGES:
        return replace(check, obstacle=f"programs in {language} are not run together")
    if not run.has_sandbox(language):
        return replace(check, obstacle=f"no executor has a sandbox for {language}")
    step = run.ask(
        "tests",
        prompts.ask_for_common_tests(run.prompt, work.plan.approach, show_files(files), language),
        role="reviewer", language=language, system=prompts.TESTER,
        not_by=[each.model for each in code if each.model],
    )  # fmt: skip
    try:
        answer = await step
    except StepFailed as error:
        work.parts.add(step)
        work.notes.append(f"Nobody wrote tests of the parts together: {error.message}")
        return replace(check, obstacle=error.message)
    work.parts.add(step)
    if not (answer.code or "").strip() or answer.problem is not None:
        return replace(check, obstacle="the tests cannot be used")
    path = choose_test_path(files, language)
    suite = {path: answer.code or ""}
    stub = await run_check(
        run, "stub", files=files, tests=suite, language=language, against="stub"
    )  # fmt: skip
    if stub.passed:
        return replace(check, obstacle="the tests that were written pass without the program")
    tests = TestSuite(
        files=suite, written_by=answer.model, maker=answer.maker, vacuous=stub.passed_tests or 0
    )
    check = await run_together(run, replace(check, tests=tests, tester=answer))
    # Whose fault it is that they fail is known only if one has written all of it.
    if check.score is not None and (not check.is_failed or len(code) == 1):
        for each in code:
            run.judge(work.steps[each.name], check.score, source="common_tests", by=answer)
    return check


async def run_together(run: Run, check: WholeCheck) -> WholeCheck:
    """Run the tests on all files."""
    tests = check.tests
    if tests is None:
        return check
    report = await run_check(
        run, "together", files=check.files, tests=tests.files, language=check.language,
        tests_by=tests.written_by,
    )  # fmt: skip
    return replace(check, report=report)


async def write_whole(run: Run, work: Coordination) -> None:
    """Make one text of parts that are texts."""
    done = work.list_done()
    work.text = done[0].value.text
    if len(done) == 1:
        return
    prompt = prompts.ask_for_whole(run.prompt, [each.show() for each in done])
    step = run.ask(
        "whole", prompt, role="integrator", answer=True, with_history=True,
        params=run.params_as(ChatParams).for_step(prompts.INTEGRATOR, prompt),
    )  # fmt: skip
    try:
        work.text = (await step).text
    except StepFailed as error:
        work.notes.append(f"Nobody made one result of the parts: {error.message}")
        work.text = "\n\n".join(f"## {each.name}\n\n{each.value.text}" for each in done)
    work.parts.add(step)


async def debate_result(run: Run, work: Coordination, check: WholeCheck) -> list[str]:
    """Have models debate whether the result is ready; return what they found, if it is not."""
    known = check.report.summary if check.report else ""
    prompt = prompts.ask_for_debate(run.prompt, work.show(check), known)
    settings = run.params_as(ChatParams).for_child() | run.recalled_params
    step = run.task("review", "DEBATE", prompt, settings, get_share(run, DEBATE_SHARE))
    try:
        review = await step
    except StepFailed as error:
        work.parts.add_child(step, role="debate")
        work.notes.append(f"Nobody debated the result: {error.message}")
        return []
    work.parts.add_child(step, role="debate")
    return [] if is_ready(review) else [review.text[:MAX_SHOWN_TEXT]]


async def revise(
    run: Run, work: Coordination, check: WholeCheck, problems: Sequence[str]
) -> WholeCheck:
    """Have what was found repaired once, and check it again; keep the better of the two."""
    is_code = bool(check.files)
    named = find_named_files(check.files, "\n".join(problems))
    shown = {path: check.files[path] for path in named or check.files}
    result = show_files(shown) if is_code else work.text
    prompt = prompts.ask_for_correction(run.prompt, result, problems)
    step = run.ask(
        "revision", prompt, role="coding" if is_code else "integrator", answer=not is_code,
        language=check.language if is_code else None,
        params={"target_file": next(iter(shown))} if len(shown) == 1 else {},
        system=prompts.REVISER if is_code else prompts.INTEGRATOR,
    )  # fmt: skip
    try:
        answer = await step
    except StepFailed as error:
        work.parts.add(step)
        work.notes.append(f"What was found was not repaired: {error.message}")
        return check
    work.parts.add(step)
    if not is_code:
        work.text = answer.text
        return check
    changed = list_changes(check, answer)
    if not changed:
        work.notes.append("The revision has changed no file.")
        return check
    files = merge_files(
        [("parts", check.files), ("revision", changed)],
        owners={},
        builds_on={"revision": ["parts"]},
    ).files
    revised = await run_together(run, replace(check, files=files))
    if revised.score is not None:
        run.judge(answer, revised.score, source="common_tests", by=check.tester)
    if revised.rank < check.rank:
        work.notes.append("The revision was left out: more tests fail with it.")
        return check
    work.notes.append(f"Revised: {', '.join(sorted(changed))}.")
    return revised


def get_share(run: Run, share: Decimal) -> Decimal | None:
    """Return a share of what is left of the budget; None without a budget."""
    if run.budget_left is None:
        return None
    usd = max(run.budget_left, Decimal()) * share
    return usd.quantize(Decimal("0.000001"), rounding=ROUND_DOWN)
