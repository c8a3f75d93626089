"""A short `scripts/simulate-selection`: the real strategy and SQL in virtual time."""

import pytest

from benchmarks.simulation.accounts import bars, worth_of
from benchmarks.simulation.run import Play
from benchmarks.simulation.scenario import Actor, Scenario, Spell
from benchmarks.simulation.traffic import shifts
from protocol.records.models import PolicyName
from tests.support.servers.postgres import Cluster
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

SEED = 1
SCENARIO = Scenario.model_validate(
    {
        "seconds": 160,
        "default": "large",
        "models": {
            "large": Actor(
                quality=0.9, usd=(3, 15), total_s=9, spells=(Spell(start=40, end=80, fails=1),)
            ),
            "middle": Actor(quality=0.6, usd=(1, 5), total_s=9),
            "hasty": Actor(quality=0.2, usd=(2, 8), total_s=9),
        },
    }
)


@pytest.mark.parametrize(
    ("policy", "takes_it"),
    [(PolicyName.RULES, True), (PolicyName.SCORED, True), (PolicyName.EXPLORE, False)],
)
async def test_an_outage_moves_the_traffic_within_thirty_seconds_and_it_returns(
    cluster: Cluster, migrated: str, database: Database, policy: PolicyName, takes_it: bool
) -> None:
    """Virtual time and seeded chance: the figures are the same on every machine."""
    served = await Play(SCENARIO, policy, SEED).run(cluster.dsn("postgres", migrated))

    worth, compared = worth_of(served, SCENARIO), bars(served, SCENARIO, SEED)
    [outage] = shifts(served, SCENARIO)
    assert all(each.is_done for each in served)
    assert compared.chance + 0.05 < worth.worth < compared.oracle.worth
    if takes_it:
        assert outage.before > 0.9
        assert outage.moved is not None
        assert outage.moved > 0.8
        assert outage.returned_s is not None
        assert outage.returned_s <= 30
    else:
        assert outage.before < 0.5
