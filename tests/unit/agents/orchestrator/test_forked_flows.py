"""Flows of forks: what the step that is done anew asks for."""

from uuid import UUID

from agents.workflows.engine import Result, Run, workflow
from protocol.records.flows import Fork
from tests.support.agents.flows import claim, run_of, suspended

CLAUDE, GPT = "claude-sonnet-5-5", "gpt-6.1-sol"


@workflow("TEST")
async def write(run: Run) -> Result:
    """Write with the first model."""
    return Result((await run.ask("draft", run.prompt, model=run.ladder("coding")[0])).text)


async def test_a_fork_gives_its_step_another_prompt_and_model() -> None:
    decisions = {"policy": "rules", "ladder:coding": {"models": [{"model": CLAUDE, "reason": "r"}]}}
    fork = Fork(step="draft", prompt="Be brief.", model=GPT, seed=UUID(int=1))
    other = fork.model_copy(update={"step": "other"})
    chosen = fork.model_copy(update={"prompt": None, "model": "auto"})

    changed = await suspended(run_of(write), claim(decisions=decisions, fork=fork))
    same = await suspended(run_of(write), claim(decisions=decisions, fork=other))
    anew = await suspended(run_of(write), claim(decisions=decisions, fork=chosen))

    [plain] = same.steps
    assert (plain.lane, changed.steps[0].lane) == (CLAUDE, GPT)
    assert changed.steps[0].params["generation_prompt"] == "Be brief."
    assert changed.steps[0].metadata["digest"] == plain.metadata["digest"]
    assert anew.steps[0].params["generation_prompt"] == plain.params["generation_prompt"]
    assert anew.selections[0].requested_model is None
