"""An executor's lanes: those it can begin at once, as servers come and go."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pydantic import JsonValue, SecretStr

from agents.executor.lanes import Lanes, find_queued_lane
from agents.runtime.health import Health
from protocol.messages import Envelope, MessageType
from providers.adapters.local.discovery import LocalServer
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Deployment
from providers.catalogue.keyring import REREAD_EVERY, Keyring
from providers.catalogue.open_models import OPEN_MODELS_DETAIL
from providers.errors import NotServed
from providers.router import Router
from tests.support.eventually import eventually

CATALOGUE = Catalogue.load()
KEYS = {
    "anthropic": Credential(key=SecretStr("a-key")),
    "openai": Credential(key=SecretStr("a-key")),
}
OFTEN = timedelta(milliseconds=5)
NEVER = timedelta(hours=1)


class SlowRouter(Router):
    """Opens when a test allows it, and finds the servers of a test."""

    def __init__(self, keys: dict[str, Credential]) -> None:
        super().__init__(CATALOGUE, keys)
        self.may_open = asyncio.Event()
        self.opened: set[str] = set()
        self.broken = ""
        self.here: list[str] = []
        self.probes = 0
        self.rechecks = 0

    def is_open(self, model_id: str) -> bool:
        return self.list_deployments(model_id)[0].provider in self.opened

    async def open(self, model_id: str) -> None:
        await self.may_open.wait()
        provider = self.list_deployments(model_id)[0].provider
        if provider == self.broken:
            raise ValueError("this is no address")
        self.opened.add(provider)

    async def discover(self, *, recheck: bool = False) -> list[LocalServer]:
        self.probes += 1
        self.rechecks += recheck
        url = "http://127.0.0.1:9"
        found = [
            LocalServer(
                provider=p,
                base_url=url,
                models=("m",),
                own_ids={"m": "/m.gguf"},
                probed={"m": {"context_window": 2_048}},
            )
            for p in self.here
        ]
        self.local.replace(found)
        return found


@asynccontextmanager
async def running(
    router: Router,
    *,
    simulated: bool = False,
    every: timedelta = NEVER,
    health: Health | None = None,
    details: dict[str, JsonValue] | None = None,
) -> AsyncIterator[tuple[Lanes, list[str]]]:
    rung: list[str] = []
    lanes = Lanes(
        router,
        on_change=lambda: rung.append("rung"),
        jitter=random.Random(0),  # noqa: S311 - spreads probes
        health=health or Health(),
        simulated=simulated,
        details=details,
        probe_every=every,
        recheck_after=OFTEN,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lanes.run())
        yield lanes, rung
        task.cancel()


async def test_nothing_is_claimed_before_its_adapter_is_open_and_then_at_once() -> None:
    router = SlowRouter(KEYS)
    async with running(router) as (lanes, rung):
        await asyncio.sleep(0)
        assert lanes.list_served()
        assert lanes.list_claimable() == []
        assert rung == []

        router.may_open.set()
        await eventually(lambda: lanes.list_claimable() == lanes.list_served())

    assert rung


async def test_lanes_that_are_opened_by_their_first_call_can_be_claimed_before() -> None:
    router = SlowRouter(KEYS)
    router.may_open.set()
    async with running(router, simulated=True) as (lanes, _):
        await asyncio.sleep(0)

        assert lanes.list_claimable() == lanes.list_served() != []

    assert router.opened == set()


async def test_a_provider_that_cannot_be_opened_is_claimed_and_holds_up_no_other() -> None:
    router = SlowRouter(KEYS)
    router.broken = "anthropic"
    router.may_open.set()
    async with running(router) as (lanes, _):
        await eventually(lambda: lanes.list_claimable() == lanes.list_served())

    assert router.opened == {"openai"}


async def test_a_model_server_that_is_started_later_is_found_and_one_that_ends_is_dropped() -> None:
    router = SlowRouter({})
    router.may_open.set()
    details: dict[str, JsonValue] = {}
    async with running(router, every=OFTEN, details=details) as (lanes, rung):
        await eventually(lambda: router.probes > 1)
        assert lanes.list_claimable() == []

        router.here = ["ollama"]
        await eventually(lambda: lanes.list_claimable() == ["ollama/m", "ollama//m.gguf"])
        assert lanes.list_served() == ["ollama/m"]
        assert details == {OPEN_MODELS_DETAIL: {"ollama/m": {"context_window": 2_048}}}
        assert rung

        router.here = []
        await eventually(lambda: lanes.list_claimable() == [])
        assert details == {OPEN_MODELS_DETAIL: {}}


async def test_an_executor_without_any_model_is_not_ready_until_a_key_comes() -> None:
    router = SlowRouter({})
    router.may_open.set()
    now = [0.0]
    router.keyring = Keyring({}, reread=lambda _: KEYS, clock=lambda: now[0])
    health = Health()
    health.mark_answered()
    async with running(router, every=OFTEN, health=health) as (lanes, rung):
        await eventually(lambda: router.probes > 1)
        assert lanes.list_claimable() == []
        assert not health.check_readiness().ok
        assert "ANTHROPIC_API_KEY" in health.check_readiness().reason

        now[0] += REREAD_EVERY.total_seconds()
        await eventually(
            lambda: lanes.list_claimable() and lanes.list_claimable() == lanes.list_served()
        )

    assert rung
    assert router.opened == {"anthropic", "openai"}
    assert health.check_readiness().ok


async def test_a_failed_connection_makes_it_look_before_the_next_probe_is_due() -> None:
    router = SlowRouter({})
    router.may_open.set()
    async with running(router, every=NEVER) as (lanes, _):
        router.here = ["ollama"]
        lanes.recheck_soon()
        await eventually(lambda: lanes.list_served() == ["ollama/m"])

    assert router.rechecks == router.probes


async def test_a_failed_connection_makes_it_read_addresses_that_it_has_just_read() -> None:
    router = SlowRouter({})
    router.may_open.set()
    found = [KEYS]
    router.keyring = Keyring({}, reread=lambda _: found[-1], clock=lambda: 0.0)
    async with running(router, every=NEVER) as (lanes, _):
        lanes.recheck_soon()
        await eventually(lambda: router.keyring.credentials == KEYS)
        moved = {"ollama": Credential(base_url="http://127.0.0.1:7/v1")}
        found.append(moved)
        lanes.recheck_soon()
        await eventually(lambda: router.keyring.credentials == moved)


async def test_where_vendors_are_simulated_nobody_is_probed() -> None:
    router = SlowRouter(KEYS)
    router.may_open.set()
    async with running(router, simulated=True, every=OFTEN) as (lanes, _):
        lanes.recheck_soon()
        await eventually(lambda: lanes.list_claimable() == lanes.list_served())

    assert router.probes == 0


async def test_a_lane_that_disappears_while_others_open_ends_nothing() -> None:
    class Unlisting(Router):
        """Learns with its first adapter that OpenAI serves nothing any more."""

        async def open(self, model_id: str) -> None:
            self.listings.keep("openai", ())
            await super().open(model_id)

    async with Unlisting(CATALOGUE, KEYS) as router, running(router) as (lanes, _):
        await eventually(lanes.list_claimable)

        gone = "gpt-6.1-sol"
        assert gone not in lanes.list_claimable()
        assert not router.is_open(gone)
        assert not router.is_open("a-model/that-the-catalogue-forgot")
        with pytest.raises(NotServed):
            await router.open(gone)


@pytest.mark.parametrize(
    ("payload", "lane"),
    [
        ({"subtask_id": "other", "params": {"model_id": "gpt-6.1-sol"}}, "gpt-6.1-sol"),
        ({"subtask_id": "other"}, ""),
        ({"subtask_id": "other", "params": {"model_id": 7}}, ""),
        ({}, ""),
        # It was claimed before its message came, which names no others of its lane.
        ({"subtask_id": "mine", "params": {"model_id": "gpt-6.1-sol"}}, None),
        ({"subtask_id": "mine", "metadata": {"queued": 0}}, None),
        ({"subtask_id": "mine", "metadata": {"queued": 2}}, ""),
        ({"subtask_id": "mine", "metadata": "?", "params": []}, None),
    ],
)
def test_a_message_names_the_lane_in_which_there_is_work(
    payload: dict[str, JsonValue], lane: str | None
) -> None:
    message = Envelope(
        type=MessageType.MCP_SUBTASK, payload=payload, source="test", target="cogo-subtasks"
    )

    assert find_queued_lane(message, is_held={"mine"}.__contains__) == lane


def test_the_deployments_of_a_lane_are_not_listed_for_every_claim() -> None:
    listed: list[str] = []

    class Counting(SlowRouter):
        def list_deployments(self, model_id: str) -> list[Deployment]:
            listed.append(model_id)
            return super().list_deployments(model_id)

    jitter = random.Random(0)  # noqa: S311
    lanes = Lanes(Counting(KEYS), on_change=lambda: None, jitter=jitter, health=Health())

    listed.clear()
    limits = {lanes.get_limit("gpt-6.1-sol") for _ in range(3)}

    assert len(limits) == 1
    assert None not in limits
    assert listed == ["gpt-6.1-sol"]
