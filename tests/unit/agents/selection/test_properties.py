"""Laws of all policies."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import NoModel
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import Knowledge, OperatorControl, find_active_controls
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.preferences import Preference, Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from protocol.records.models import PolicyName
from tests.support.agents.selection import CATALOGUE, recommend

LANES = st.sampled_from([*CATALOGUE.models, "ollama/x", "ollama/y", "elsewhere/z"])
NEEDS = st.builds(
    Requirements,
    complexity=st.sampled_from(["low", "medium", "high"]),
    performance_needed=st.booleans(),
    task_type=st.sampled_from(["general", "specialized-coding", "code-generation"]),
    web=st.booleans(),
    tool_calls=st.integers(0, 9),
)
WANTED = st.builds(
    SelectionRequest,
    needs=NEEDS,
    preferences=st.builds(
        Preferences,
        preference=st.sampled_from(Preference),
        denied_models=st.lists(LANES, max_size=2),
        data_policy=st.sampled_from(["any", "any", "local-only"]),
    ),
    policy=st.sampled_from(PolicyName),
    prompt_characters=st.integers(0, 1_000_000),
    served=st.lists(LANES, max_size=10),
    failed=st.dictionaries(LANES, st.sampled_from(["overloaded", "check_failed"]), max_size=2),
    budget_usd=st.none() | st.floats(0, 2),
    seed=st.text(max_size=3),
    may_team=st.booleans(),
)
OBSERVED = st.builds(
    lambda n, share, cost, total: Observed(
        judged=n, good=n * share, answered=n, cost_usd=cost, total_ms=total
    ),
    st.floats(0, 300),
    st.floats(0, 1),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(1, 90_000),
)
OUTCOMES = st.dictionaries(
    st.tuples(LANES, st.sampled_from(["general", "code-generation"])), OBSERVED, max_size=8
)
KNOWLEDGE = st.builds(
    Knowledge,
    observations=st.builds(
        Observations,
        outcomes=OUTCOMES,
        health=st.dictionaries(LANES, st.sampled_from(["open", "degraded"]), max_size=3),
    ),
    controls=st.lists(
        st.builds(
            OperatorControl,
            action=st.sampled_from(["pin", "ban", "drain"]),
            subject=LANES | st.just("anthropic"),
            reason=st.just("told so"),
            task_type=st.none() | st.just("general"),
        ),
        max_size=3,
    ).map(tuple),
)


def outcome(wanted: SelectionRequest, knowledge: Knowledge) -> tuple[str, ...]:
    try:
        choice = choose_model(wanted, CATALOGUE, knowledge)
    except NoModel as error:
        return (error.message,)
    return (choice.selected.model_id, choice.reason, *choice.pick.team, *choice.ranking)


@settings(max_examples=150, deadline=None)
@given(wanted=WANTED, knowledge=KNOWLEDGE)
def test_no_policy_takes_what_a_hard_constraint_refuses(
    wanted: SelectionRequest, knowledge: Knowledge
) -> None:
    try:
        choice = choose_model(wanted, CATALOGUE, knowledge)
    except NoModel as error:
        assert error.message.endswith(".")
        return

    refused = {each.model_id for each in choice.candidates.values() if each.refused is not None}
    named = {choice.selected.model_id, choice.pick.escalate_to, *choice.pick.team, *choice.ranking}
    assert not named & refused
    assert choice.selected.refused is None
    assert choice.selected.model_id not in wanted.failed
    barred = find_active_controls(knowledge.controls, None, wanted.needs.task_type).banned
    assert not set(choice.ranking) & set(barred)
    if wanted.budget_usd is not None:
        cost = choice.selected.estimate.cost_usd
        assert cost is not None
        assert cost <= wanted.budget_usd
    assert choice.reason.endswith(".")
    assert next(iter(choice.ranking)) == choice.selected.model_id


@settings(max_examples=100, deadline=None)
@given(wanted=WANTED, knowledge=KNOWLEDGE, data=st.data())
def test_the_order_of_what_is_served_changes_nothing(
    wanted: SelectionRequest, knowledge: Knowledge, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(wanted.served))

    other = replace(wanted, served=[*order, *order])

    assert outcome(wanted, knowledge) == outcome(other, knowledge)


@settings(max_examples=100, deadline=None)
@given(wanted=WANTED, knowledge=KNOWLEDGE, data=st.data())
def test_the_model_that_is_asked_for_wins_exactly_when_it_is_allowed(
    wanted: SelectionRequest, knowledge: Knowledge, data: st.DataObject
) -> None:
    lanes = sorted(set(wanted.served))
    if not lanes:
        return
    name = data.draw(st.sampled_from(lanes))
    free = recommend(wanted, CATALOGUE, knowledge)

    asking = replace(wanted, requested=name)

    if name in free:
        assert choose_model(asking, CATALOGUE, knowledge).selected.model_id == name
    else:
        with pytest.raises(NoModel):
            choose_model(asking, CATALOGUE, knowledge)
