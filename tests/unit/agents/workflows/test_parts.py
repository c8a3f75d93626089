"""Parts of swarms: what each participant has said, or why it has said nothing."""

from typing import Any

from agents.workflows.engine import Result, Run, StepFailed, workflow
from agents.workflows.parts import Parts
from cogo.testing import fail_with, play


@workflow("A_SWARM")
async def a_swarm(run: Run) -> Result:
    """Ask two and a child."""
    parts = Parts()
    one, two = run.ask("one", "?", role="debate_1"), run.ask("two", "?", model="m", role="judge")
    child = run.task("review", "DEBATE", "?")
    await run.settled(one, two, child)
    parts.add(one, perspective="cautious")
    parts.add(two, agent="verdict", text="made of data")
    parts.add_child(child, role="critic")
    return Result("all", output=parts.build_output("all", responses=parts.list_responses()))


def swarm(**answers: Any) -> dict[str, Any]:
    given = {"one": "1", "two": "2", "review": "3"} | answers
    return dict(play(a_swarm, answers=given).output)


def test_a_part_names_its_participant_its_role_and_its_model() -> None:
    output = swarm(one={"text": "1", "model_used": "used", "cost_usd": "0.25"})

    assert output["parts"][0] == {
        "agent": "one", "role": "debate_1", "model": "used", "text": "1",
        "perspective": "cautious", "status": "complete", "cost_usd": 0.25,
    }  # fmt: skip
    assert output["parts"][1] == {
        "agent": "verdict", "role": "judge", "model": "m", "text": "made of data",
        "status": "complete", "cost_usd": None,
    }  # fmt: skip
    assert [each["agent"] for each in output["parts"]] == ["one", "verdict", "review"]
    assert output["responses"][1] == "verdict (m)\n\nmade of data"


def test_a_part_that_failed_has_its_error_and_no_response() -> None:
    output = swarm(two=fail_with("overloaded", "busy"))

    failed = output["parts"][1]
    assert (failed["status"], failed["text"]) == ("failed", "")
    assert failed["error"] == {"class": "overloaded", "message": "busy"}
    assert len(output["responses"]) == 2


def test_the_parts_of_a_child_are_parts_of_its_parent() -> None:
    theirs: list[Any] = [{"agent": "optimistic", "status": "complete", "text": "yes", "model": "x"}]
    theirs += ["junk", {"agent": "liar", "status": "won"}]
    output = swarm(review={"text": "3", "parts": theirs})

    agents = [each["agent"] for each in output["parts"]]
    assert agents == ["one", "verdict", "review/optimistic"]
    failed = swarm(review=fail_with("budget"))["parts"][-1]
    assert (failed["agent"], failed["role"], failed["status"]) == ("review", "critic", "failed")


def test_an_answer_that_cannot_be_used_failed_though_its_step_completed() -> None:
    @workflow("ONE")
    async def one(run: Run) -> Result:
        """Refuse an answer."""
        parts, step = Parts(), run.ask("one", "?")
        await step
        parts.add(step, problem=StepFailed("one", "invalid_answer", "no sense"))
        return Result("", output=parts.build_output("none"))

    output = play(one, answers={"one": "1"}).output

    assert output["parts"][0]["error"] == {"class": "invalid_answer", "message": "no sense"}
    assert output["responses"] == ["none"]
