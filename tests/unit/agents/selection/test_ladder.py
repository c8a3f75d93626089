"""Several models for one piece of work: who comes first, who next, and why."""

from typing import Any

import pytest

from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge, OperatorControl
from agents.selection.ladder import (
    MAX_RUNGS,
    Rung,
    build_ladder,
    build_panel,
    find_strongest,
    list_different_models,
    list_team,
)
from agents.selection.model_profiles import get_profile_cache
from agents.selection.requirements import Requirements
from agents.selection.roles import CODER, REVIEWER, apply_role
from protocol.records import Grants
from tests.support.agents.selection import (
    CATALOGUE,
    CHEAP,
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


def test_a_ladder_is_the_stamped_model_another_maker_and_the_strongest() -> None:
    rungs = build_ladder(chosen())

    assert names(rungs) == [MIDDLE, CHEAP, TOP]
    assert [each.maker for each in rungs] == ["Anthropic", "OpenAI", "Anthropic"]
    assert rungs[1].reason.startswith("Another maker than that of claude-sonnet-5-5 (")
    assert rungs[2].reason.startswith("Expected to be the best (")
    assert all(each.expected_usd is not None for each in rungs)


def test_with_cascade_the_cheap_model_comes_first_and_then_the_one_that_would_be_stamped() -> None:
    wish: dict[str, Any] = {"policy": "cascade", "preferences": {"preference": "cost"}}

    rungs = build_ladder(chosen(TOP, MIDDLE, CHEAP, **wish))
    alone = build_ladder(chosen(TOP, MIDDLE, SMALL, **wish))
    weak = knowing({CHEAP: seen(50, 0.2)})
    without = build_ladder(chosen(TOP, MIDDLE, CHEAP, knowledge=weak, **wish))

    assert names(rungs) == [CHEAP, MIDDLE, TOP]
    assert names(alone) == [SMALL, MIDDLE, TOP]
    assert names(without)[0] == MIDDLE


def test_a_ladder_ends_with_the_strongest_model_and_has_no_model_twice() -> None:
    assert names(build_ladder(chosen(TOP))) == [TOP]
    assert names(build_ladder(chosen(TOP, SMALL))) == ["claude-haiku-5-5", TOP]
    assert len(build_ladder(chosen(), most=2)) == 2
    assert MAX_RUNGS == 3


def test_a_named_model_is_the_only_rung() -> None:
    choice = chosen(requested=CHEAP)

    assert names(build_ladder(choice)) == [CHEAP]
    assert find_strongest(choice.candidates.values()).model_id == TOP


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
    assert names(build_ladder(chosen(TOP, MIDDLE, CHEAP, **fields))) == [MIDDLE, TOP]


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

    few = chosen(TOP, MIDDLE, CHEAP, prompt_characters=3_000, budget_usd=budget)

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
