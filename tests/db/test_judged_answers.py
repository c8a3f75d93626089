"""Answers that were judged, as operators read them for an evaluation."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.support.sql.agent import Agent, Row, ref
from tests.support.sql.flows import answer, claim_flow, claim_steps, new_step, start_flow
from tests.support.sql.outcomes import DATA, answered, outcome, selection, used

pytestmark = pytest.mark.db

BROKEN: Row = {"text": "def", "problem": "parses: it does not"}


def judge(step: str, source: str, score: float) -> Row:
    return {"step": step, "source": source, "score": score}


async def test_judged_answers_are_read_page_by_page_with_their_strongest_judgement(
    agent: Agent,
) -> None:
    asked = {"generation_prompt": "what is 6 * 7?"}
    steps = [
        new_step(key, lane=model, params=asked)
        for key, model in (("draft-1", "model-a"), ("draft-2", "model-b"))
    ]
    chosen = [selection(each["key"], each["lane"]) for each in steps]
    task_id = await start_flow(agent, *steps, selections=chosen)
    for each in steps:
        lease = (await claim_steps(agent, each["key"], lane=each["lane"]))[each["key"]]
        await agent.complete(lease, output=DATA, usage=used(each["lane"]))
    judged = [
        judge("draft-1", "run", 1),
        judge("draft-1", "review", 0),
        judge("draft-2", "agreement", 0.5),
    ]
    said = {"output": {"text": "x"}, "judgements": judged}
    assert await answer(agent, ref(await claim_flow(agent, task_id)) | said) == ("ok", None)
    await answered(agent, "model-c", output=BROKEN)
    await answered(agent, "model-d")  # nobody judges it
    await outcome(agent, "model-a")

    read = "select * from public.cogo_judged_answers($1, $2, 1, $3)"
    found: list[Any] = []
    place: tuple[UUID, int] = (UUID(int=0), 0)
    while page := await agent.connection.fetch(read, *place, len(found) > 1):
        found += page
        place = (page[-1]["subtask_id"], page[-1]["attempt"])

    known = {each["model_id"]: each for each in found}
    assert len(found) == len(known) == 3
    assert {
        name: (each["source"], each["score"], each["strength"], each["has_form"])
        for name, each in known.items()
    } == {
        "model-a": ("run", 1, 1, True),
        "model-b": ("agreement", 0.5, 0.3, True),
        "model-c": ("form", 0, 1, False),
    }
    assert known["model-a"]["question"] == known["model-b"]["question"]
    assert known["model-a"]["question"] != known["model-c"]["question"]
    assert {each["cost_usd"] for each in found} == {Decimal("0.01")}
    assert {each["kind"] for each in found} == {"code-generation"}
    assert [each["prompt"] for each in found[:2]] == [None, None]
    assert found[2]["prompt"] in {"do a", "what is 6 * 7?"}
