"""A subtask that is handed back repeatedly, between the real planner and the real SQL."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from agents.executor.failure_policy import build_failure
from agents.orchestrator.cio import Cio
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.lane_registry import LaneRegistry
from agents.runtime.attempt import WorkFailed
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from cogo.evaluation.simulation.database import SimulatedDatabase
from protocol.lanes import CIO
from protocol.records import ClaimedSubtask, FailureAction, Usage
from providers.catalogue.catalogue import Catalogue
from providers.errors import PermissionDenied
from tests.support.servers.postgres import Cluster
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

CATALOGUE = Catalogue.load()
LANES = ["claude-haiku-4-5", "claude-sonnet-5-5", "gpt-4o-mini"]


@pytest.fixture
async def project(
    cluster: Cluster, migrated: str, database: Database
) -> AsyncIterator[SimulatedDatabase]:
    opened = await SimulatedDatabase.open(cluster.dsn("postgres", migrated), LANES)
    yield opened
    await opened.close()


async def test_a_model_that_failed_never_has_the_subtask_again_and_the_row_tells_why(
    project: SimulatedDatabase,
) -> None:
    async def own() -> list[str]:
        return LANES

    registry = LaneRegistry(store=project, own=own)
    await registry.refresh()
    cio = Cio(catalogue=CATALOGUE, registry=registry)
    runner = FlowRunner(cio=cio, workflows=WorkflowHost(WORKFLOWS), outputs=project)
    await project.set_clock(0)
    await project.submit(uuid4(), "GENERATE_CODE", "Write a parser", {})
    tried: list[str] = []

    for _ in LANES:
        [stamping] = await project.claim([CIO])
        await project.complete([await runner.handle(stamping)])
        [claimed] = await project.claim(LANES)
        told = [each for each in claimed.history if each.outcome == "rerouted"]
        assert [each.model_id for each in told] == tried
        assert {(each.error or {})["class"] for each in told} <= {"permission"}
        failure = build_failure(
            PermissionDenied(claimed.lane, "not yours"), claimed, _used(claimed)
        )
        assert failure.action == FailureAction.REROUTE
        await project.fail(failure)
        tried.append(claimed.lane)

    assert sorted(tried) == LANES
    [stamping] = await project.claim([CIO])
    with pytest.raises(WorkFailed) as nobody:
        await runner.handle(stamping)
    assert nobody.value.failure.action == FailureAction.GIVE_UP
    assert "it already failed at this subtask (permission)" in nobody.value.failure.error.message
    await project.fail(nobody.value.failure)
    [(status, _, _)] = (await project.fetch_ends()).values()
    assert status == "failed"


def _used(claimed: ClaimedSubtask) -> Usage:
    return Usage(model_id=claimed.lane, provider="vendor", duration_ms=5)
