"""Keys: spread, sticky, set aside and read again."""

import asyncio
import threading
from datetime import timedelta

import pytest
from loguru import logger
from pydantic import SecretStr

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Credentials
from providers.catalogue.keyring import REREAD_EVERY, SET_ASIDE_FOR, Keyring, label_key
from providers.chat import ChatRequest, Message
from providers.chat_response import collect_response
from providers.errors import AuthenticationFailed, RateLimited
from providers.router import Router
from tests.support.eventually import eventually

A, B, C = (SecretStr(f"sk-a-long-key-number-{name}") for name in "abc")
REFUSED = AuthenticationFailed("vendor", "no")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def jump(self, by: timedelta) -> None:
        self.now += by.total_seconds()


def credentials(*keys: SecretStr) -> Credentials:
    return {"vendor": Credential(key=keys[0], spare_keys=keys[1:])}


def test_calls_without_affinity_take_turns() -> None:
    ring = Keyring(credentials(A, B, C))

    chosen = [ring.choose("vendor") for _ in range(6)]

    assert set(chosen[:3]) == {A, B, C}
    assert chosen[3:] == chosen[:3]


def test_the_same_affinity_gets_the_same_key_in_every_process_and_most_get_another_one() -> None:
    affinities = [f"task-{number}" for number in range(60)]

    ours = [Keyring(credentials(A, B, C)).choose("vendor", affinity=each) for each in affinities]
    theirs = [Keyring(credentials(C, A, B)).choose("vendor", affinity=each) for each in affinities]

    assert ours == theirs
    assert min(ours.count(key) for key in (A, B, C)) > 5


def test_a_refused_key_is_set_aside_for_a_while_and_moves_only_its_own_work() -> None:
    clock = Clock()
    ring = Keyring(credentials(A, B, C), clock=clock)
    homes = {f"task-{n}": ring.choose("vendor", affinity=f"task-{n}") for n in range(30)}

    ring.set_aside("vendor", A, REFUSED)

    for affinity, before in homes.items():
        now = ring.choose("vendor", affinity=affinity)
        assert now != A
        assert before in (A, now)
    clock.jump(SET_ASIDE_FOR)
    assert homes == {each: ring.choose("vendor", affinity=each) for each in homes}


def test_a_limited_key_is_set_aside_for_retry_after() -> None:
    clock = Clock()
    ring = Keyring(credentials(A, B), clock=clock)

    ring.set_aside("vendor", A, RateLimited("vendor", "slow", retry_after=timedelta(seconds=3)))

    assert [ring.choose("vendor") for _ in range(3)] == [B, B, B]
    clock.jump(timedelta(seconds=3))
    assert {ring.choose("vendor") for _ in range(2)} == {A, B}


def test_the_last_key_is_never_out_of_reach() -> None:
    clock = Clock()
    ring = Keyring(credentials(A, B), clock=clock)
    ring.set_aside("vendor", B, REFUSED)
    clock.jump(timedelta(seconds=1))
    ring.set_aside("vendor", A, REFUSED)

    assert ring.choose("vendor") == B
    assert ring.choose("vendor", tried=[A, B]) is None
    assert ring.choose("nobody") is None


async def test_keys_are_read_again_but_not_all_the_time_and_a_broken_vault_changes_nothing() -> (
    None
):
    clock = Clock()
    answers: list[Credentials | Exception] = [credentials(B), OSError("sealed"), credentials(C)]
    urgent: list[bool] = []

    def reread(is_urgent: bool) -> Credentials:
        urgent.append(is_urgent)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ring = Keyring(credentials(A), reread=reread, clock=clock)
    assert not await ring.refresh()
    assert urgent == []
    for key in (B, B, C):
        clock.jump(REREAD_EVERY)
        await ring.refresh(urgent=key == C)
        await ring.refresh()
        assert ring.choose("vendor") == key
    assert urgent == [False, False, True]


async def test_a_call_that_waited_for_the_keys_does_not_read_them_again() -> None:
    clock, go, readers = Clock(), threading.Event(), list[bool]()

    def reread(is_urgent: bool) -> Credentials:
        readers.append(is_urgent)
        assert go.wait(20)
        return credentials(A)

    ring = Keyring(credentials(A), reread=reread, clock=clock)
    clock.jump(REREAD_EVERY)
    async with asyncio.TaskGroup() as group:
        group.create_task(ring.refresh())
        await eventually(lambda: readers)
        for _ in range(2):
            group.create_task(ring.refresh(urgent=True))
        go.set()

    assert readers == [False, True]


@pytest.mark.parametrize(("keys", "warned"), [([A], False), ([A, B], True)])
def test_setting_a_key_aside_is_logged(keys: list[SecretStr], warned: bool) -> None:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="WARNING")

    Keyring(credentials(*keys)).set_aside("vendor", A, REFUSED)
    logger.remove(sink)

    assert said == ["a key is set aside"] * warned


def test_a_label_shows_at_most_the_last_four_characters() -> None:
    assert label_key(SecretStr("sk-ant-0123456789abcdef")) == "...cdef"
    assert label_key(SecretStr("short-key")) == "..."
    assert label_key(SecretStr("x" * 15)) == "..."
    assert label_key(SecretStr("x" * 16)) == "...xxxx"
    assert label_key(None) is None


def test_white_space_around_a_key_is_stripped() -> None:
    given = Credential(key=SecretStr(" a-key\n"), spare_keys=(SecretStr("\r\n"), SecretStr("b\t")))

    assert [key.get_secret_value() for key in given.keys] == ["a-key", "b"]
    assert Credential(key=SecretStr(" \n")).key is None


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "fireworks/glm-5p3", "gpt-6-sol"])
@pytest.mark.parametrize("key", ["schl\u00fcssel", "a\nb", "a\x00b", "a\u2014b", "\ud800", "a\x7f"])
async def test_a_key_that_no_header_can_carry_is_refused_once_by_its_variables_name(
    model: str, key: str
) -> None:
    catalogue = Catalogue.load()
    provider = catalogue.models[model].deployments[0].provider
    given = {provider: Credential(key=SecretStr(key), base_url="http://127.0.0.1:9")}
    request = ChatRequest(model="", messages=(Message(role="user", content="hi"),))

    async with Router(catalogue, given) as router:
        call = router.call(model, request)
        with pytest.raises(AuthenticationFailed, match=f"{provider.upper()}_API_KEY") as refused:
            await collect_response(call.events)

    assert key not in str(refused.value)
    assert not call.failed_calls
    assert not refused.value.retryable
