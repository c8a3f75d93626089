"""Controls of operators win over any policy, within what is allowed."""

from dataclasses import replace
from uuid import UUID

import pytest

from agents.errors import NoModel
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import (
    Action,
    Knowledge,
    OperatorControl,
    list_control_subjects,
)
from agents.selection.preferences import Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue
from tests.support.agents.selection import recommend

CATALOGUE = Catalogue.load()
SONNET, HAIKU, GPT = "claude-sonnet-5-5", "claude-haiku-4-5", "gpt-6.1-sol"
ANN, BEN = UUID(int=1), UUID(int=2)


def said(action: Action, subject: str, **scope: object) -> OperatorControl:
    return OperatorControl(action=action, subject=subject, reason="told so", **scope)  # type: ignore[arg-type]


def wanted(**fields: object) -> SelectionRequest:
    served = (SONNET, HAIKU, GPT)
    return SelectionRequest(needs=Requirements(), served=served, **fields)  # type: ignore[arg-type]


def chosen(question: SelectionRequest, *controls: OperatorControl) -> str:
    return choose_model(question, CATALOGUE, Knowledge(controls=controls)).selected.model_id


@pytest.mark.parametrize("policy", list(PolicyName))
def test_a_pin_comes_before_every_policy(policy: PolicyName) -> None:
    assert chosen(wanted(policy=policy), said("pin", HAIKU)) == HAIKU


@pytest.mark.parametrize(
    "name",
    [*CATALOGUE.roles, *(each.id for each in CATALOGUE.models.values() if each.retirement)],
)
def test_a_control_of_a_role_or_a_retired_model_changes_the_choice(name: str) -> None:
    served = tuple(each.id for each in CATALOGUE.models.values() if each.retirement is None)
    model = CATALOGUE.resolve(name).model.id
    question = SelectionRequest(needs=Requirements(), served=served)

    subject = list_control_subjects(name, CATALOGUE, served)[0]

    if name in CATALOGUE.roles:  # some successors of others are not for code
        assert chosen(question, said("pin", subject)) == model
    with pytest.raises(NoModel, match="told so"):
        chosen(replace(question, served=(model,), requested=name), said("ban", subject))
    assert list_control_subjects(name, CATALOGUE, [*served, name])[0] == name


def test_a_pin_says_so_and_leads_the_recommendations() -> None:
    knowledge = Knowledge(controls=(said("pin", HAIKU),))

    assert (
        choose_model(wanted(), CATALOGUE, knowledge).reason
        == f"Operators pinned {HAIKU} (told so)."
    )
    assert recommend(wanted(), CATALOGUE, knowledge)[0] == HAIKU


def test_a_few_models_are_recommended_each_with_a_reason_and_none_that_is_set_aside() -> None:
    served = tuple(CATALOGUE.models)
    choice = choose_model(
        SelectionRequest(needs=Requirements(), served=served),
        CATALOGUE,
        Knowledge(controls=(said("drain", HAIKU),)),
    )

    found = choice.recommend(5)

    assert next(iter(found)) == choice.selected.model_id
    assert list(found) == [id_ for id_ in choice.ranking if id_ in found]
    assert len(found) == 5
    assert HAIKU not in choice.recommend(1000)
    assert HAIKU in choice.ranking
    assert found[choice.selected.model_id] == choice.reason
    assert all("Expected quality" in why for why in list(found.values())[1:])


def test_a_pin_yields_to_who_asks_by_name_to_bans_and_to_failures() -> None:
    assert chosen(wanted(requested=GPT), said("pin", HAIKU)) == GPT
    denied = Preferences(denied_models=[HAIKU])
    assert chosen(wanted(preferences=denied), said("pin", HAIKU)) == SONNET
    assert chosen(wanted(failed={HAIKU: "timeout"}), said("pin", HAIKU)) == SONNET


def test_the_closest_pin_is_followed() -> None:
    pins = (
        said("pin", GPT),
        said("pin", HAIKU, task_type="code-generation"),
        said("pin", SONNET, owner=ANN),
    )

    assert chosen(wanted(owner=ANN), *pins) == SONNET
    assert chosen(wanted(owner=BEN), *pins) == HAIKU


@pytest.mark.parametrize("subject", [SONNET, "anthropic"])
def test_a_drain_holds_for_new_work_but_not_against_who_insists(subject: str) -> None:
    drain = said("drain", subject)

    assert chosen(wanted(), drain) != SONNET
    assert chosen(wanted(requested=SONNET), drain) == SONNET


def test_a_drained_model_is_better_than_none() -> None:
    choice = choose_model(
        SelectionRequest(needs=Requirements(), served=(SONNET,)),
        CATALOGUE,
        Knowledge(controls=(said("drain", SONNET),)),
    )

    assert choice.selected.model_id == SONNET
    assert "operators are draining it" in choice.reason


def test_a_ban_binds_even_who_asks_and_only_in_its_scope() -> None:
    ban = said("ban", SONNET, owner=ANN)

    assert chosen(wanted(owner=BEN, requested=SONNET), ban) == SONNET
    with pytest.raises(NoModel, match="operators banned it"):
        chosen(wanted(owner=ANN, requested=SONNET), ban)
