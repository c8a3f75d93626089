"""A short `cogo eval simulation`: the real selection and SQL in virtual time."""

import pytest

from cogo.evaluation.simulation.regret import (
    accumulate_regret,
    compute_baselines,
    compute_worth,
    list_event_regrets,
)
from cogo.evaluation.simulation.run import Simulation
from cogo.evaluation.simulation.scenario import Change, Scenario, ScriptedModel
from cogo.evaluation.simulation.traffic import find_shifts
from protocol.records.models import PolicyName
from tests.support.servers.postgres import ONE_VERSION, Cluster
from tests.support.sql.database import Database

pytestmark = [pytest.mark.db, ONE_VERSION]

SEED = 1
SCENARIO = Scenario.model_validate(
    {
        "seconds": 160,
        "default": "large",
        "models": {
            "large": ScriptedModel(
                quality=0.9, usd=(3, 15), total_s=9, changes=(Change(start=40, end=80, fails=1),)
            ),
            "middle": ScriptedModel(quality=0.6, usd=(1, 5), total_s=9),
            "hasty": ScriptedModel(quality=0.2, usd=(2, 8), total_s=9),
        },
    }
)


@pytest.mark.parametrize(
    "policy",
    [PolicyName.AUTO, PolicyName.RULES, PolicyName.SCORED],
)
async def test_an_outage_moves_the_traffic_within_thirty_seconds_and_it_returns(
    cluster: Cluster, migrated: str, database: Database, policy: PolicyName
) -> None:
    """Virtual time and seeded chance: the figures are the same on every machine."""
    tasks = await Simulation(SCENARIO, policy, SEED).run(cluster.dsn("postgres", migrated))

    worth, baselines = compute_worth(tasks, SCENARIO), compute_baselines(tasks, SCENARIO, SEED)
    regret = accumulate_regret(tasks, SCENARIO, baselines)
    [outage] = find_shifts(tasks, SCENARIO)
    [event] = list_event_regrets(tasks, SCENARIO, baselines)
    assert all(each.is_done for each in tasks)
    assert baselines.chance < worth.usd < baselines.oracle.usd
    assert regret[-1] / len(tasks) == pytest.approx(baselines.oracle.usd - worth.usd)
    assert (event.model, event.what, event.start, event.end) == ("large", "100% fail", 40, 80)
    assert outage.before > 0.9
    assert outage.moved is not None
    assert outage.moved > 0.8
    assert outage.returned_s is not None
    assert outage.returned_s <= 30
