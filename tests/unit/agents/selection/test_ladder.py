"""Several models for one piece of work: who comes first, who next, and why."""

from typing import Any

import pytest

from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge, OperatorControl
from agents.selection.evidence.observations import CheckAccuracy, Observations
from agents.selection.ladder import (
    Rung,
    build_ladder,
    build_panel,
    find_strongest,
    list_different_models,
    list_team,
)
from agents.selection.model_profiles import get_profile_cache
from agents.selection.policies.planner import MAX_RUNGS
from agents.selection.requirements import Requirements
from agents.selection.roles import CODER, REVIEWER, apply_role
from protocol.records import Grants
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
    KIND,
    LOCAL,
    MIDDLE,
    TOP,
    knowing,
    seen,
    wanted,
)

SMALL = "claude-haiku-5-5"


def chosen(*served: str, knowledge: Knowledge = NOTHING_KNOWN, **fields: Any) -> Choice:
    policy = fields.pop("policy", "rules")
    return choose_model(wanted(policy, *served, **fields), CATALOGUE, knowledge)


def names(rungs: list[Rung]) -> list[str]:
    return [each.model_id for each in rungs]


KNOWN = {MIDDLE: seen(100, 0.85), CHEAP: seen(100, 0.8), TOP: seen(100, 0.9), SMALL: seen(100, 0.3)}


def test_a_ladder_begins_with_the_chosen_model_and_says_how_often_each_is_asked() -> None:
    first, *others = build_ladder(chosen(TOP, MIDDLE, CHEAP, check="run"))

    assert (first.model_id, first.maker, first.reach) == (MIDDLE, "Anthropic", 1.0)
    assert first.reason == chosen(check="run").reason
    assert {each.model_id for each in others} == {CHEAP, TOP}
    assert 1 > others[0].reach > others[1].reach > 0
    assert others[0].reason.startswith(
        "Asked if the answers before it are refused, as expected of "
    )
    assert all(each.expected_usd is not None for each in (first, *others))


def test_where_models_are_equal_another_maker_follows() -> None:
    served = (MIDDLE, SMALL, "gemini-4-argon")
    equal = knowing({each: seen(100, 0.7) for each in served})

    ladder = build_ladder(chosen(*served, knowledge=equal, check="run", policy="rules"), most=2)

    assert names(ladder) == [MIDDLE, "gemini-4-argon"]


def test_with_cascade_a_ladder_is_its_plan() -> None:
    wish: dict[str, Any] = {"policy": "cascade", "check": "run", "knowledge": knowing(KNOWN)}

    choice = chosen(TOP, MIDDLE, CHEAP, SMALL, **wish)
    rungs = build_ladder(choice)

    assert choice.pick.plan is not None
    assert tuple(names(rungs)) == choice.pick.plan.models
    assert tuple(each.reach for each in rungs) == choice.pick.plan.reaches
    assert SMALL not in names(rungs)
    cost = sum(each.reach * (each.expected_usd or 0) for each in rungs)
    assert cost == pytest.approx(choice.pick.plan.cost_usd)


def test_a_ladder_has_at_most_three_models_and_none_twice() -> None:
    served = (TOP, MIDDLE, SMALL, CHEAP, GPT, KIMI, GEMINI)
    ladder = names(build_ladder(chosen(*served, check="run")))

    assert len({*ladder}) == len(ladder) <= MAX_RUNGS == 3
    assert names(build_ladder(chosen(TOP, check="run"))) == [TOP]
    assert len(build_ladder(chosen(*served, check="run"), most=2)) == 2
    assert len(build_ladder(chosen(*served, check="run"), most=1)) == 1


def test_a_check_that_refuses_nothing_needs_no_second_model() -> None:
    blind = CheckAccuracy(good=1e9, good_passed=1e9, bad=1e9, bad_passed=1e9)
    always = Knowledge(observations=Observations(checks={("form", KIND): blind}))

    assert len(build_ladder(chosen())) > 1
    assert names(build_ladder(chosen(knowledge=always))) == [MIDDLE]


def test_the_time_and_the_budget_that_are_left_bound_a_ladder() -> None:
    prices = {id_: each.price for id_, each in chosen(TOP, MIDDLE).candidates.items()}
    both = prices[TOP] + prices[MIDDLE]

    assert len(build_ladder(chosen(TOP, MIDDLE, check="run", budget_usd=both * 1.01))) == 2
    assert len(build_ladder(chosen(TOP, MIDDLE, check="run", budget_usd=both * 0.99))) == 1
    assert len(build_ladder(chosen(TOP, MIDDLE, check="run", seconds_left=300.0))) == 2
    assert len(build_ladder(chosen(TOP, MIDDLE, check="run", seconds_left=300.0), calls=20)) == 1


def test_a_named_model_is_the_only_rung() -> None:
    choice = chosen(requested=CHEAP)

    assert names(build_ladder(choice)) == [CHEAP]
    assert find_strongest(choice).model_id == TOP


@pytest.mark.parametrize(
    "fields",
    [
        {"preferences": {"denied_models": [CHEAP]}},
        {"preferences": {"allowed_providers": ["anthropic"]}},
        {"grants": Grants(models=[MIDDLE, TOP], providers=[])},
        {"failed": {CHEAP: "overloaded"}},
        {
            "knowledge": Knowledge(
                controls=(OperatorControl(action="ban", subject=CHEAP, reason="leaks"),)
            )
        },
        {
            "knowledge": Knowledge(
                controls=(OperatorControl(action="drain", subject=CHEAP, reason="ends"),)
            )
        },
    ],
    ids=["denied", "unlisted", "ungranted", "failed", "banned", "drained"],
)
def test_every_rung_is_eligible(fields: dict[str, Any]) -> None:
    ladder = build_ladder(chosen(TOP, MIDDLE, CHEAP, check="run", **fields))

    assert names(ladder) == [MIDDLE, TOP]


def test_different_models_are_of_different_makers_as_far_as_possible() -> None:
    served = (TOP, MIDDLE, SMALL, CHEAP, LOCAL)

    assert names(list_different_models(chosen(*served), 2)) == [MIDDLE, CHEAP]
    three = list_different_models(chosen(*served), 3)
    assert names(three) == [MIDDLE, CHEAP, TOP]
    assert three[2].reason.startswith("No further maker is eligible (")
    assert names(list_different_models(chosen(TOP), 3)) == [TOP]


def test_different_models_fit_the_budget_together() -> None:
    choice = chosen(TOP, MIDDLE, CHEAP, prompt_characters=3_000)
    prices = {id_: each.price for id_, each in choice.candidates.items()}
    budget = prices[MIDDLE] + prices[CHEAP] + prices[TOP] / 2

    few = chosen(
        TOP, MIDDLE, CHEAP, prompt_characters=3_000, budget_usd=budget, max_output_tokens=9
    )

    assert names(list_different_models(few, 3)) == [MIDDLE, CHEAP]


ROLES = ("debate_1", "debate_2", "debate_3", "judge")
TABLE = {role: get_profile_cache(CATALOGUE).resolve_role(role) for role in ROLES}
GPT, KIMI, GEMINI = "gpt-6.2-sol", "fireworks/kimi-k3p1-pro", "gemini-4-argon"


def panel_of(*served: str, **fields: Any) -> dict[str, str]:
    choice = chosen(*served, preferred_role="debate_1", **fields)
    return {role: each.model_id for role, each in build_panel(choice, TABLE).items()}


def test_a_panel_has_the_catalogues_models_for_its_roles_and_another_maker_for_the_rest() -> None:
    assert panel_of(TOP, MIDDLE, GPT, KIMI, GEMINI, CHEAP) == {
        "debate_1": MIDDLE, "debate_2": GPT, "debate_3": KIMI, "judge": GEMINI,
    }  # fmt: skip


def test_a_role_whose_model_is_refused_or_whose_maker_has_spoken_gets_another_maker() -> None:
    denied = panel_of(MIDDLE, GPT, CHEAP, KIMI, GEMINI, preferences={"denied_models": [GPT, CHEAP]})
    named = panel_of(TOP, MIDDLE, GPT, KIMI, GEMINI, requested=GPT)

    assert {*denied.values()} == {MIDDLE, KIMI, GEMINI}
    assert named["debate_1"] == GPT
    assert {*named.values()} >= {GPT, KIMI, GEMINI}
    assert len({*named.values()}) == 4


def test_a_panel_of_few_makers_has_no_model_twice_and_says_why() -> None:
    choice = chosen(TOP, MIDDLE, SMALL, GPT, preferred_role="debate_1")
    panel = build_panel(choice, TABLE)

    assert [each.maker for each in panel.values()].count("OpenAI") == 1
    assert len({each.model_id for each in panel.values()}) == len(panel) == 4
    assert panel["judge"].reason.startswith("No further maker is eligible")
    assert panel_of(TOP) == {"debate_1": TOP}


def test_a_panel_fits_the_budget_together() -> None:
    served = (MIDDLE, GPT, KIMI, GEMINI)
    choice = chosen(*served, prompt_characters=3_000, preferred_role="debate_1")
    price = choice.candidates[MIDDLE].price

    few = panel_of(*served, prompt_characters=3_000, budget_usd=price * 2.5)

    assert len(few) == 2


def test_a_team_is_that_of_the_policy() -> None:
    assert list_team(chosen(may_team=True)) == []
    team = list_team(chosen(TOP, MIDDLE, "gpt-6.1-sol", policy="ensemble", may_team=True))
    assert len(team) == 3
    assert all(each.reason.startswith("A member of the team. 3 models answer") for each in team)


def test_a_role_of_the_catalogue_decides_under_the_rules_only() -> None:
    assert chosen(preferred_role="strategic").selected.model_id == TOP
    assert chosen(preferred_role="no_such_role").selected.model_id == MIDDLE
    assert chosen(preferred_role="strategic", policy="cheapest").selected.model_id != TOP


def test_an_avoided_maker_is_taken_only_if_there_is_no_other() -> None:
    makers = frozenset({"Anthropic"})

    assert chosen(avoided_makers=makers, policy="scored").selected.profile.maker != "Anthropic"
    alone = chosen(TOP, MIDDLE, avoided_makers=makers)
    assert alone.selected.model_id == MIDDLE
    assert "although another maker than Anthropic is wanted" in alone.reason


@pytest.mark.parametrize(
    ("task_type", "role", "expected"),
    [
        ("general", CODER, "code-generation"),
        ("code-optimization", CODER, "code-optimization"),
        ("code-generation", REVIEWER, "code-analysis"),
        ("general", REVIEWER, "general"),
        ("general", "poet", "general"),
        ("general", None, "general"),
    ],
)
def test_a_role_says_what_a_step_needs(task_type: str, role: str | None, expected: str) -> None:
    assert apply_role(Requirements(task_type=task_type), role).task_type == expected


@pytest.mark.parametrize(("rescued", "is_asked"), [(0.1, False), (0.7, True)])
@pytest.mark.parametrize("policy", ["rules", "cascade"])
def test_a_ladder_ends_where_the_next_model_fails_at_the_same_tasks(
    policy: str, rescued: float, *, is_asked: bool
) -> None:
    outcomes = {MIDDLE: seen(500, 0.8), TOP: seen(500, 0.8)}
    rescues = {
        ((one,), other, KIND): seen(110, rescued) for one, other in ((MIDDLE, TOP), (TOP, MIDDLE))
    }
    knowledge = knowing(outcomes, rescues=rescues)

    ladder = build_ladder(chosen(MIDDLE, TOP, policy=policy, check="run", knowledge=knowledge))

    assert len(ladder) == (2 if is_asked else 1)
