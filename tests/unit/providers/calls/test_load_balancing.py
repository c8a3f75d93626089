"""The order of deployments, and the timeouts of their calls."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest

from providers.calls.load_balancing import MAX_AFFINITIES, AffinityTable, order_deployments
from providers.calls.middleware import CallContext
from providers.calls.timeouts import resolve_timeouts
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import Prices, Reasoning, RoutingStrategy, TimeoutSeconds

CATALOGUE = Catalogue.load()


def places(model_id: str = "deepseek/deepseek-flash", /, **weights: float) -> list[Deployment]:
    model = CATALOGUE.get_model(model_id)
    return [
        Deployment(
            model=model,
            entry=entry.model_copy(update={"weight": weights.get(entry.provider, 1.0)}),
            host=CATALOGUE.providers[entry.provider],
            base_url="",
        )
        for entry in model.deployments
    ]


def order(
    context: CallContext | None = None,
    *,
    strategy: RoutingStrategy = "preferred",
    busy: dict[str, float] | None = None,
    pace: dict[str, float] | None = None,
    home: str | None = None,
    **weights: float,
) -> list[str]:
    found = order_deployments(
        places("deepseek/deepseek-flash", **weights),
        context or CallContext(affinity="a"),
        strategy=strategy,
        utilisation=lambda each: (busy or {}).get(each.provider, 0),
        latency=lambda each: (pace or {}).get(each.provider, 0),
        prompt_tokens=lambda: 1000,
        sticky=home,
    )
    return [each.provider for each in found]


def test_the_catalogues_order_is_the_default() -> None:
    assert order() == ["deepseek", "together", "openrouter"]


def test_a_deployment_that_failed_the_work_is_asked_last_despite_affinity() -> None:
    context = CallContext(affinity="a", avoid=frozenset({"deepseek"}))

    assert order(context, home=places()[0].id) == ["together", "openrouter", "deepseek"]


def test_work_stays_where_it_was_answered() -> None:
    homes = AffinityTable()
    homes.record(CallContext(affinity="a"), places()[2])

    assert homes.get(CallContext(affinity="b")) is None
    home = homes.get(CallContext(affinity="a"))
    assert order(home=home, strategy="least_busy", busy={"openrouter": 1}) == [
        "openrouter",
        "deepseek",
        "together",
    ]


def test_the_least_busy_and_the_fastest_come_first() -> None:
    load = {"deepseek": 0.9, "together": 0.1, "openrouter": 0.5}

    assert order(strategy="least_busy", busy=load) == ["together", "openrouter", "deepseek"]
    assert order(strategy="fastest", pace=load) == ["together", "openrouter", "deepseek"]


def test_the_cheapest_comes_first_and_unknown_prices_last() -> None:
    def priced(place: Deployment, usd: int | None) -> Deployment:
        prices = None if usd is None else Prices(input=Decimal(usd), output=Decimal(1), source="x")
        entry = place.entry.model_copy(update={"prices": prices})
        host = place.host.model_copy(update={"genai_prices": None})
        return replace(place, entry=entry, host=host)

    first, second, third = places()
    found = order_deployments(
        [priced(first, 9), priced(second, None), priced(third, 2)],
        CallContext(),
        strategy="cheapest",
        utilisation=lambda _: 0,
        latency=lambda _: 0,
        prompt_tokens=lambda: 1000,
        sticky=None,
    )

    assert [each.provider for each in found] == ["openrouter", "deepseek", "together"]


def test_the_cheapest_is_the_cheapest_for_a_prompt_of_that_length() -> None:
    [tiered, *_] = places("gpt-6-sol")
    flat = Prices(input=Decimal("2.5"), output=Decimal(12), source="x")
    level = replace(
        tiered, entry=tiered.entry.model_copy(update={"prices": flat, "model": "level"})
    )

    def cheapest(prompt: int) -> str:
        found = order_deployments(
            [tiered, level],
            CallContext(),
            strategy="cheapest",
            utilisation=lambda _: 0,
            latency=lambda _: 0,
            prompt_tokens=lambda: prompt,
            sticky=None,
        )
        return found[0].provider_model

    assert (cheapest(1_000), cheapest(300_000)) == ("gpt-6-sol", "level")


def test_weights_are_shares_and_an_affinity_keeps_its_deployment() -> None:
    errands = [CallContext(affinity=f"task-{number}") for number in range(600)]

    def first(context: CallContext) -> str:
        return order(context, strategy="weighted", deepseek=3, together=2, openrouter=1)[0]

    counts = Counter(map(first, errands))
    assert [first(each) for each in errands] == [first(each) for each in errands]
    for provider, share in {"deepseek": 3 / 6, "together": 2 / 6, "openrouter": 1 / 6}.items():
        assert counts[provider] / 600 == pytest.approx(share, abs=0.07)


@pytest.mark.parametrize("strategy", get_args(RoutingStrategy))
def test_the_only_deployment_is_asked_whatever_its_weight(strategy: RoutingStrategy) -> None:
    def ordered(found: list[Deployment]) -> list[Deployment]:
        return order_deployments(
            found,
            CallContext(),
            strategy=strategy,
            utilisation=lambda _: 1,
            latency=lambda _: 9,
            prompt_tokens=lambda: 1000,
            sticky=None,
        )

    [only, *_] = places(deepseek=1e-9)

    assert ordered([only]) == [only]
    assert ordered([]) == []


def test_only_the_latest_affinities_are_kept() -> None:
    homes, place = AffinityTable(), places()[0]
    for number in range(MAX_AFFINITIES):
        homes.record(CallContext(affinity=f"{number}"), place)
    homes.record(CallContext(affinity="0"), place)
    homes.record(CallContext(affinity="one more"), place)

    known = [
        homes.get(CallContext(affinity=each)) is not None for each in ("0", "1", "2", "one more")
    ]
    assert known == [True, False, True, True]


def test_timeouts_come_from_the_task_then_the_catalogue_then_the_settings_then_the_kind() -> None:
    place = places("claude-sonnet-5-5")[0]
    settings = TimeoutSeconds(first_token=50, stall=20, total=20)
    host = place.host.model_copy(update={"timeouts": TimeoutSeconds(stall=30, total=30)})
    model = place.model.model_copy(update={"timeouts": TimeoutSeconds(total=40)})
    of_host = replace(place, host=host)

    found = resolve_timeouts(of_host, requested=TimeoutSeconds(total=7), settings=settings)

    assert found.first_token == timedelta(seconds=50)
    assert found.stall == timedelta(seconds=30)
    assert found.total == timedelta(seconds=7)
    assert resolve_timeouts(replace(of_host, model=model)).total == timedelta(seconds=40)


@pytest.mark.parametrize(
    ("reasoning", "local", "slow"),
    [
        (None, False, False),
        ("none", False, False),
        ("optional", False, False),
        ("default-on", False, True),
        ("always", False, True),
        ("none", True, True),
    ],
)
def test_reasoning_models_and_local_servers_get_more_time(
    reasoning: Reasoning | None, local: bool, slow: bool
) -> None:
    place = places("gpt-4.1")[0]
    model = place.model.model_copy(update={"reasoning": reasoning})
    host = place.host.model_copy(update={"local": local})

    found = resolve_timeouts(replace(place, model=model, host=host))

    waits = [each.total_seconds() for each in (found.first_token, found.stall, found.total)]
    assert waits == ([300, 120, 1800] if slow else [120, 60, 900])


def test_models_that_think_first_are_given_more_time_and_a_deadline_bounds_all() -> None:
    quick = resolve_timeouts(places("gpt-4.1")[0])
    slow = resolve_timeouts(places("fireworks/gpt-oss-120b")[0])
    bound = resolve_timeouts(places("gpt-4.1")[0], left=timedelta(seconds=4))
    late = resolve_timeouts(places("gpt-4.1")[0], left=timedelta(seconds=-4))

    assert slow.first_token > quick.first_token
    assert bound.total == bound.first_token == bound.stall == timedelta(seconds=4)
    assert timedelta() < late.total < timedelta(seconds=1)
