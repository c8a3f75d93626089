"""The action after each error of a provider."""

from datetime import timedelta
from typing import Any

import pytest

from agents.executor.failure_policy import (
    MAX_MESSAGE_CHARACTERS,
    MAX_SNOOZE,
    build_failure,
    build_snooze,
    end_attempt,
)
from agents.runtime.attempt import WorkFailed, WorkWaits
from agents.runtime.failed_attempts import read_retry_at
from protocol.ids import utc_now
from protocol.records import FailureAction
from providers import errors
from providers.errors import CallFailed, ProviderError, TimedOut, TimeoutPhase, UnknownModel
from tests.support.agents.subtasks import a_subtask

RETRY, REROUTE, GIVE_UP = FailureAction.RETRY, FailureAction.REROUTE, FailureAction.GIVE_UP
SNOOZE = FailureAction.SNOOZE

TABLE: dict[type[ProviderError], tuple[FailureAction, FailureAction]] = {
    errors.AuthenticationFailed: (REROUTE, REROUTE),
    errors.PermissionDenied: (REROUTE, REROUTE),
    errors.BudgetExhausted: (REROUTE, REROUTE),
    errors.InvalidRequest: (GIVE_UP, GIVE_UP),
    errors.ContextTooLong: (REROUTE, REROUTE),
    errors.ContentFiltered: (REROUTE, REROUTE),
    errors.ModelNotFound: (REROUTE, REROUTE),
    errors.NotSupported: (REROUTE, REROUTE),
    errors.RateLimited: (RETRY, REROUTE),
    errors.Overloaded: (RETRY, REROUTE),
    errors.TimedOut: (RETRY, REROUTE),
    errors.ConnectionFailed: (RETRY, REROUTE),
    errors.EmptyAnswer: (REROUTE, REROUTE),
    errors.BadToolCalls: (REROUTE, REROUTE),
    errors.MalformedResponse: (RETRY, REROUTE),
    errors.IncompleteStream: (RETRY, REROUTE),
    errors.NotServed: (REROUTE, REROUTE),
    errors.UnknownModel: (REROUTE, REROUTE),
    errors.CatalogueInvalid: (GIVE_UP, GIVE_UP),
    errors.CallFailed: (GIVE_UP, GIVE_UP),
    errors.NotAsked: (SNOOZE, SNOOZE),
    errors.AtCapacity: (SNOOZE, SNOOZE),
    errors.CircuitOpen: (REROUTE, REROUTE),
    errors.ModelNotGranted: (SNOOZE, SNOOZE),
    errors.Banned: (SNOOZE, SNOOZE),
    errors.SpendingStopped: (SNOOZE, SNOOZE),
    errors.SpendCapReached: (SNOOZE, SNOOZE),
    errors.ProviderCapReached: (SNOOZE, SNOOZE),
}


def an_error(kind: type[ProviderError]) -> ProviderError:
    if issubclass(kind, TimedOut):
        return kind("vendor", TimeoutPhase.STALL, timedelta(seconds=60))
    if issubclass(kind, UnknownModel):
        return kind("a-model", ["another-model"])
    if issubclass(kind, errors.CallFailed):
        return kind("vendor", "it went wrong", status=418, retry_after=timedelta(seconds=3))
    return kind("it went wrong")


def test_the_table_has_every_error() -> None:
    every = {
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, ProviderError)
    }

    assert set(TABLE) == every - {ProviderError}


@pytest.mark.parametrize("kind", TABLE)
def test_the_same_model_is_asked_twice_at_most_and_then_another(kind: type[ProviderError]) -> None:
    first, later = TABLE[kind]

    assert build_failure(an_error(kind), a_subtask(failures=0), None).action == first
    for failures in (1, 2, 4):
        assert build_failure(an_error(kind), a_subtask(failures=failures), None).action == later


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (errors.SpendCapReached, GIVE_UP),
        (errors.ProviderCapReached, REROUTE),
        (errors.ModelNotGranted, REROUTE),
        (errors.Banned, REROUTE),
    ],
)
def test_the_kind_of_a_cap_decides_who_must_act(
    kind: type[CallFailed], action: FailureAction
) -> None:
    assert build_failure(kind("vendor", "no"), a_subtask(), None).action == action


@pytest.mark.parametrize("kind", TABLE)
def test_a_failure_says_what_happened_and_what_to_do(kind: type[ProviderError]) -> None:
    error = an_error(kind)

    failure = build_failure(error, a_subtask(), None)

    assert failure.error.class_ == error.code
    assert failure.error.message == str(error)
    assert failure.error.hint


def test_a_vendors_retry_after_is_respected() -> None:
    failure = build_failure(an_error(errors.RateLimited), a_subtask(), None)

    assert failure.retry_after == timedelta(seconds=3)
    assert (failure.error.status, failure.error.vendor) == (418, "vendor")


def test_a_page_of_html_with_half_a_character_is_cut_and_mended() -> None:
    error = errors.Overloaded("vendor", "busy", vendor_message="\ud83d" + "x" * 100_000)

    failure = build_failure(error, a_subtask(), None)

    assert len(failure.error.message) == MAX_MESSAGE_CHARACTERS
    assert "\ufffd" in failure.error.message
    assert failure.model_dump_json()


def test_a_limit_of_ours_that_ends_soon_spends_nothing() -> None:
    error = errors.AtCapacity("vendor", "full", retry_after=timedelta(seconds=20))

    failure = build_failure(error, a_subtask(), usage=None)

    assert failure.action is FailureAction.SNOOZE
    assert failure.retry_after == timedelta(seconds=20)


DAYS = timedelta(seconds=198_300)


def told(error: ProviderError, **fields: Any) -> dict[str, Any]:
    """Build an attempt that ended so, as the database returns it."""
    recorded = build_failure(error, a_subtask(), None).error.model_dump(mode="json", by_alias=True)
    return {
        "attempt": 1,
        "model_id": "claude-sonnet-5-5",
        "outcome": "rerouted",
        "error": recorded,
    } | fields


@pytest.mark.parametrize("kind", [errors.RateLimited, errors.Overloaded, errors.AtCapacity])
def test_a_wait_of_more_than_minutes_is_the_cios_business_once_and_then_waited_for(
    kind: type[CallFailed],
) -> None:
    error = kind("vendor", "slow down", retry_after=DAYS)

    first = build_failure(error, a_subtask(), None)
    again = build_failure(error, a_subtask(failures=1, history=[told(error)]), None)

    assert first.action is REROUTE
    assert again.action is (SNOOZE if kind is errors.AtCapacity else RETRY)
    assert again.retry_after == DAYS


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"model_id": "another"}, id="another model asked for it"),
        pytest.param({"outcome": "failed"}, id="the CIO was not asked"),
        pytest.param({"error": {"class": "overloaded"}}, id="another failure"),
    ],
)
def test_only_what_the_cio_sent_back_knowingly_is_waited_for(fields: dict[str, Any]) -> None:
    error = errors.RateLimited("vendor", "slow down", retry_after=DAYS)

    failure = build_failure(error, a_subtask(failures=1, history=[told(error) | fields]), None)

    assert failure.action is REROUTE


@pytest.mark.parametrize(
    ("more", "action"), [(timedelta(), RETRY), (timedelta(milliseconds=1), REROUTE)]
)
def test_the_longest_parking_is_waited_out_and_nothing_longer(
    more: timedelta, action: FailureAction
) -> None:
    error = errors.RateLimited("vendor", "slow down", retry_after=MAX_SNOOZE + more)

    failure = build_failure(error, a_subtask(), None)

    assert failure.action is action
    assert (failure.error.retry_at is None) is (action is RETRY)


def test_a_long_wait_names_its_end() -> None:
    error = errors.RateLimited("vendor", "slow down", retry_after=DAYS)

    failure = build_failure(error, a_subtask(), None)

    assert failure.error.retry_at is not None
    assert timedelta() <= utc_now() + DAYS - failure.error.retry_at < timedelta(minutes=1)
    assert f"before {failure.error.retry_at:%Y-%m-%d %H:%M} UTC" in failure.error.message


def test_the_last_failure_says_what_came_before_it() -> None:
    earlier = told(errors.Overloaded("anthropic", "busy"), outcome="failed", provider="anthropic")

    failure = build_failure(
        errors.TimedOut("openai", TimeoutPhase.STALL, timedelta(seconds=60)),
        a_subtask(failures=2, history=[earlier, earlier]),
        None,
    )

    assert failure.error.message.endswith(
        "(before that, claude-sonnet-5-5 at anthropic: overloaded)"
    )


def test_a_model_that_must_not_be_asked_yet_is_not_asked() -> None:
    earlier = told(errors.RateLimited("vendor", "slow down", retry_after=DAYS))
    claimed = a_subtask(failures=1, history=[earlier])
    until = read_retry_at(claimed.history[0])
    assert until is not None

    waiting = build_snooze(claimed, now=until - timedelta(hours=1))

    assert waiting is not None
    assert waiting.action is SNOOZE
    assert waiting.error.class_ == "rate_limited"
    assert waiting.retry_after == timedelta(hours=1)
    assert f"{until:%Y-%m-%d %H:%M} UTC" in waiting.error.message
    assert build_snooze(claimed, now=until) is None
    assert (
        build_snooze(a_subtask(lane="another", failures=1, history=[earlier]), now=utc_now())
        is None
    )
    assert build_snooze(a_subtask(failures=0, history=[earlier]), now=utc_now()) is None


@pytest.mark.parametrize("until", ["soon", "2999-01-01T00:00:00", [], None])
def test_a_model_is_asked_where_nobody_knows_until_when_it_should_not_be(until: object) -> None:
    earlier = told(errors.Overloaded("vendor", "busy")) | {"error": {"retry_at": until}}

    assert build_snooze(a_subtask(failures=1, history=[earlier]), now=utc_now()) is None


def test_an_open_circuit_is_the_cios_business_once_and_then_waited_for() -> None:
    error = errors.CircuitOpen("vendor", "open", retry_after=timedelta(seconds=20))
    earlier = told(error)

    first = build_failure(error, a_subtask(), usage=None)
    again = build_failure(error, a_subtask(attempt=3, failures=1, history=[earlier]), usage=None)

    assert first.action is FailureAction.REROUTE
    assert again.action is FailureAction.SNOOZE


def a_cap(kind: type[errors.SpendCapReached], *, asks: bool = True) -> errors.SpendCapReached:
    error = kind("anthropic", "the cap is reached")
    error.question = {"scope": "owner", "key": "a", "per": "day", "usd": 1} if asks else None
    return error


def test_a_cap_that_asks_lets_the_step_wait_and_is_no_failure() -> None:
    claimed = a_subtask()

    ended = end_attempt(a_cap(errors.SpendCapReached), claimed, None)

    assert isinstance(ended, WorkWaits)
    assert ended.completion.ref == claimed.ref
    assert ended.completion.wait is not None
    assert ended.completion.wait.budget == {"scope": "owner", "key": "a", "per": "day", "usd": 1}
    silent = end_attempt(a_cap(errors.SpendCapReached, asks=False), claimed, None)
    assert isinstance(silent, WorkFailed)
    assert silent.failure.action == GIVE_UP


def test_before_people_are_asked_for_the_cap_of_a_provider_another_one_is_tried() -> None:
    error = a_cap(errors.ProviderCapReached)
    before = {
        "attempt": 1, "model_id": "claude-sonnet-5-5", "outcome": "rerouted",
        "error": {"class": "provider_spend_cap"},
    }  # fmt: skip

    first = end_attempt(error, a_subtask(), None)
    back = end_attempt(error, a_subtask(history=[before], failures=1), None)
    named = end_attempt(error, a_subtask({"model": "claude-sonnet-5-5"}), None)

    assert isinstance(first, WorkFailed)
    assert first.failure.action == REROUTE
    assert isinstance(back, WorkWaits)
    assert isinstance(named, WorkWaits)


def an_outage(*, refused: bool) -> errors.ConnectionFailed:
    error = errors.ConnectionFailed("ollama", "no connection could be made")
    error.is_local, error.was_refused = True, refused
    return error


@pytest.mark.parametrize(("refused", "again"), [(True, SNOOZE), (False, RETRY)])
def test_a_server_of_the_operator_that_is_away_is_the_cios_business_once_and_then_waited_for(
    refused: bool, again: FailureAction
) -> None:
    error = an_outage(refused=refused)

    first = build_failure(error, a_subtask(), None)
    later = build_failure(error, a_subtask(failures=1, history=[told(error)]), None)

    assert (first.action, later.action) == (REROUTE, again)
    assert first.error.message.startswith("ollama: no connection could be made")
    assert first.error.hint is not None
    assert "Start the model server" in first.error.hint


def test_a_server_that_stays_away_is_asked_less_and_less() -> None:
    error, waits = an_outage(refused=True), []
    history: list[dict[str, Any]] = []
    for _ in range(6):
        failure = build_failure(error, a_subtask(failures=1, history=history), None)
        assert failure.retry_after is not None
        waits.append(failure.retry_after.total_seconds())
        outcome = "released" if history else "rerouted"
        history = [*history, told(error, outcome=outcome)]

    assert waits == [2, 4, 8, 16, 30, 30]
