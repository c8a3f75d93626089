"""The real strategy on the real statistics, in virtual time: an outage moves the traffic away."""

from datetime import timedelta

import pytest

from agents.learning import known
from agents.selection.knowledge import Knowledge
from agents.selection.requirements import Requirements
from agents.selection.strategy import choose
from agents.selection.wanted import Wanted
from protocol.records.knowledge import ModelKnowledge
from providers.catalogue import Catalogue
from tests.db.agent import Agent
from tests.db.database import Database
from tests.db.outcomes import answered, failed, knowledge

pytestmark = pytest.mark.db

CATALOGUE = Catalogue.load()
SONNET, HAIKU = "claude-sonnet-5-5", "claude-haiku-4-5"
STEP = 2
OUTAGE = range(20, 100)
"""Seconds in which the default model fails every call."""


async def test_an_outage_moves_the_traffic_within_thirty_seconds_and_it_returns(
    database: Database, agent: Agent
) -> None:
    taken: dict[int, str] = {}
    for second in range(0, 200, STEP):
        found = ModelKnowledge.model_validate(await knowledge(agent))
        choice = choose(
            Wanted(needs=Requirements(), served=(SONNET, HAIKU)),
            CATALOGUE,
            known(found, start=Knowledge()),
        )
        taken[second] = model_id = choice.selected.model_id
        if model_id == SONNET and second in OUTAGE:
            await failed(agent, model_id)
        else:
            await answered(agent, model_id)
        await database.jump(timedelta(seconds=STEP))

    def share(start: int, end: int) -> float:
        asked = [model_id for second, model_id in taken.items() if start <= second < end]
        return asked.count(SONNET) / len(asked)

    assert share(0, OUTAGE.start) == 1
    assert share(OUTAGE.start + 10, OUTAGE.start + 30) <= 0.2
    assert share(OUTAGE.start + 10, OUTAGE.stop) <= 0.25
    assert share(160, 200) == 1
