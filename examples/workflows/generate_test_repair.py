"""Code that is tested, repaired while its tests fail, and shown to a person before it counts."""

from cogo.workflows import CodeParams, Result, Run, workflow


@workflow("GENERATE_TEST_REPAIR", params=CodeParams)
async def generate_test_repair(run: Run) -> Result:
    """Write code, repair it while its tests fail, and ask before it is applied."""
    tests = run.params_as(CodeParams).tests
    request, problem = run.prompt, "no model is available"
    for model in run.ladder("coding"):
        draft = await run.ask("draft", request, model=model, language="python", answer=True)
        report = await run.check("tests", files=draft.files, tests=tests, judges=draft)
        if report.passed:
            break
        problem = report.summary
        request = f"{run.prompt}\n\nThis was tried:\n\n{draft.code}\n\nIts tests say: {problem}"
    else:
        return Result(f"No draft passed its tests: {problem}")
    decision = await run.approve("apply", "Apply this code?", show=dict(draft.files), judges=draft)
    if not decision.approved:
        return Result(f"Refused: {decision.comment or 'without a comment'}")
    return Result(draft.text, output={"generated_code": draft.code, "files": dict(draft.files)})
