"""What orchestrators know of the models that executors serve."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from agents.orchestrator.lane_registry import LaneRegistry, merge_open_models
from protocol.records import AgentRecord
from providers.catalogue.open_models import OPEN_MODELS_DETAIL, OpenModel, dump_open_model

LANE = "llamacpp/m"
MODEL = OpenModel(lane=LANE, own_id="/models/m.gguf", context_window=4_096, loaded=True)


def an_executor(id_: str, reported: Any, *, silent: timedelta = timedelta()) -> AgentRecord:
    return AgentRecord(
        id=id_,
        kind="executor",
        lanes=[LANE],
        capacity=1,
        details={OPEN_MODELS_DETAIL: reported},
        silent_ms=int(silent.total_seconds() * 1000),
    )


def report(*models: OpenModel) -> dict[str, Any]:
    return {each.lane: dump_open_model(each) for each in models}


class Agents:
    """A store with these agents."""

    def __init__(self, *agents: AgentRecord) -> None:
        self.agents = [*agents]

    async def fetch_agents(self) -> list[AgentRecord]:
        return self.agents


async def list_nothing() -> list[str]:
    return []


async def test_facts_come_from_the_rows_of_running_executors_without_any_path() -> None:
    store = Agents(an_executor("a", report(MODEL)))
    registry = LaneRegistry(store=store, own=list_nothing)

    await registry.refresh()

    assert registry.open_models == {replace(MODEL, own_id="m", loaded=None)}
    assert "/models" not in str(store.agents)


async def test_facts_stay_the_same_object_until_they_change() -> None:
    store = Agents(an_executor("a", report(MODEL)))
    registry = LaneRegistry(store=store, own=list_nothing)
    await registry.refresh()
    before = registry.open_models

    store.agents = [an_executor("a", report(replace(MODEL, loaded=False)))]
    await registry.refresh()
    assert registry.open_models is before

    store.agents = [an_executor("a", report(replace(MODEL, context_window=8_192)))]
    await registry.refresh()
    assert registry.open_models != before


def test_of_several_machines_the_smallest_window_counts() -> None:
    small, large = replace(MODEL, context_window=2_048), replace(MODEL, context_window=32_768)
    unknown = replace(MODEL, context_window=None)
    agents = [an_executor(str(i), report(each)) for i, each in enumerate((large, small, unknown))]

    assert merge_open_models(agents)[LANE].context_window == 2_048
    assert merge_open_models(agents[::-1])[LANE].context_window == 2_048


def test_a_model_stays_here_only_if_all_executors_say_so() -> None:
    here = replace(MODEL, is_remote=False)
    unknown, far = replace(MODEL, context_window=2), replace(here, is_elsewhere=True)
    remote = replace(MODEL, is_remote=True)

    def merge(*models: OpenModel) -> tuple[bool, bool | None]:
        rows = [an_executor(str(i), report(each)) for i, each in enumerate(models)]
        found = merge_open_models(rows)[LANE]
        return found.is_elsewhere, found.is_remote

    for first, second, merged in (
        (here, here, (False, False)),
        (here, unknown, (False, None)),
        (here, far, (True, False)),
        (unknown, remote, (False, True)),
    ):
        assert merge(first, second) == merge(second, first) == merged


def test_rows_that_are_malformed_or_silent_tell_nothing() -> None:
    hostile: list[Any] = [None, 3, [], "x", {LANE: None}, {"": {}}, {LANE: {"context_window": -1}}]

    assert merge_open_models(an_executor(str(i), each) for i, each in enumerate(hostile)) == {}
    silent = an_executor("a", report(MODEL), silent=timedelta(hours=1))
    assert merge_open_models([silent]) == {}


async def test_an_executor_that_serves_no_model_any_more_is_believed() -> None:
    async def list_own() -> list[str]:
        return [LANE]

    gone = an_executor("a", {}).model_copy(update={"lanes": []})
    registry = LaneRegistry(store=Agents(gone), own=list_own)

    await registry.refresh()

    assert registry.lanes == ()
    assert not registry.is_known
