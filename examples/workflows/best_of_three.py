"""Three models work beside each other; the first whose code passes its tests wins."""

from cogo.workflows import Answer, CodeParams, Result, Run, StepFailed, workflow


async def write(run: Run, model: str) -> Answer:
    """Write code, and repair it once."""
    tests = run.params_as(CodeParams).tests
    request = run.prompt
    for _ in range(2):
        draft = await run.ask("draft", request, model=model, language="python")
        report = await run.check("tests", files=draft.files, tests=tests)
        if report.passed:
            return draft
        request = f"{run.prompt}\n\nRepair this:\n\n{draft.code}\n\n{report.summary}"
    raise StepFailed("tests", "tests_failed", f"{model}: {report.summary}")


@workflow("BEST_OF_THREE", params=CodeParams)
async def best_of_three(run: Run) -> Result:
    """Let three models of different makers write code, and take the first that passes."""
    models = run.different_models(3, "coding")
    candidates = [run.branch(f"model{n}", write(run, each)) for n, each in enumerate(models, 1)]
    branch, best = await run.first(*candidates)
    output = {"generated_code": best.code, "files": dict(best.files), "branch": branch.key}
    return Result(best.text, output={**output, "model_used": best.model})
