"""The choice of a model by the documented rules and preferences."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import NoModel
from agents.selection.choose import choose_model
from agents.selection.policies.rules import CODING, DEFAULT, find_rule
from agents.selection.preferences import Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue
from tests.support.agents.selection import recommend

CATALOGUE = Catalogue.load()
DEFAULT_MODEL = CATALOGUE.resolve("default").model.id
CODING_MODEL = CATALOGUE.resolve("coding").model.id
SERVED = (DEFAULT_MODEL, CODING_MODEL, "gpt-6.1-sol", "claude-haiku-4-5", "ollama/some-model")


def needs(prompt: str, **stated: Any) -> Requirements:
    return Requirements.from_task("GENERATE_CODE", prompt, {"task_requirements": stated})


def chosen(prompt: str = "Write it", **wanted: Any) -> str:
    asked: dict[str, Any] = {"needs": needs(prompt), "served": SERVED}
    return choose_model(SelectionRequest(**asked | wanted), CATALOGUE).selected.model_id


@pytest.mark.parametrize(
    ("prompt", "role"),
    [
        ("Generate optimized sorting algorithm", CODING),
        ("Write a function", DEFAULT),
        ("A complex state machine", DEFAULT),
        ("An advanced parser", DEFAULT),
        ("A complex parser of high performance", CODING),
        ("OPTIMIZE this advanced query", CODING),
        ("Performance matters", CODING),
    ],
)
def test_words_of_the_prompt_lead_to_the_documented_model(prompt: str, role: str) -> None:
    assert find_rule(needs(prompt)).role == role
    assert chosen(prompt) == {CODING: CODING_MODEL, DEFAULT: DEFAULT_MODEL}[role]


@pytest.mark.parametrize(
    ("stated", "role"),
    [
        ({"taskType": "specialized-coding"}, CODING),
        ({"task_type": "specialized-coding", "complexity": "high"}, CODING),
        ({"performanceNeeded": True, "complexity": "high"}, CODING),
        ({"performance_needed": True}, CODING),
        ({"complexity": "high"}, DEFAULT),
        ({"complexity": "high", "accuracyNeeded": False}, DEFAULT),
        ({"complexity": "low"}, DEFAULT),
    ],
)
def test_stated_requirements_lead_to_the_documented_model(
    stated: dict[str, Any], role: str
) -> None:
    assert find_rule(needs("Write a function", **stated)).role == role


@pytest.mark.parametrize("key", ["performanceNeeded", "performance_needed"])
def test_stated_requirements_win_over_those_read_from_the_prompt(key: str) -> None:
    assert find_rule(needs("Generate optimized sorting algorithm", **{key: False})).role == DEFAULT


def test_words_of_the_prompt_become_the_documented_requirements() -> None:
    read = needs("An advanced sort of high performance")

    assert read.model_dump(by_alias=True) == {
        "complexity": "high",
        "language": "python",
        "framework": None,
        "taskType": "code-generation",
        "performanceNeeded": True,
        "accuracyNeeded": True,
    }


def test_the_model_that_a_task_asks_for_wins_over_every_rule() -> None:
    assert chosen("optimize it", requested="claude-haiku-4-5") == "claude-haiku-4-5"
    assert chosen("optimize it", requested="Claude Haiku 4.5") == "claude-haiku-4-5"
    assert chosen("optimize it", requested="ollama/some-model") == "ollama/some-model"


@pytest.mark.parametrize("name", ["claude-3.5-sonnet", "fireworks/qwen3-coder-480b-a35b-instruct"])
def test_a_retired_model_gives_its_successor_and_says_so(name: str) -> None:
    wanted = SelectionRequest(needs=needs("Write it"), requested=name, served=SERVED)

    choice = choose_model(wanted, CATALOGUE)

    assert choice.selected.model_id == CATALOGUE.resolve(name).model.id
    assert "retired" in choice.reason
    assert choice.request.requested == name


def test_a_retired_model_that_is_still_served_is_taken() -> None:
    name = "claude-3.5-sonnet"
    wanted = SelectionRequest(needs=needs("Write it"), requested=name, served=(*SERVED, name))

    choice = choose_model(wanted, CATALOGUE)

    assert choice.selected.model_id == name
    assert "retired" not in choice.reason


WISHES: list[tuple[dict[str, Any], str]] = [
    ({"denied_models": [DEFAULT_MODEL]}, DEFAULT_MODEL),
    ({"denied_models": ["default"]}, DEFAULT_MODEL),
    ({"denied_providers": ["anthropic"]}, DEFAULT_MODEL),
    ({"allowed_models": ["coding"]}, DEFAULT_MODEL),
    ({"allowed_providers": ["fireworks"]}, DEFAULT_MODEL),
    ({"data_policy": "local-only"}, DEFAULT_MODEL),
]


@pytest.mark.parametrize(("wishes", "refused"), WISHES)
def test_a_model_that_the_preferences_refuse_is_not_taken(
    wishes: dict[str, Any], refused: str
) -> None:
    preferences = Preferences.model_validate(wishes)

    assert chosen(preferences=preferences) != refused
    with pytest.raises(NoModel) as caught:
        chosen(preferences=preferences, requested=refused)
    assert caught.value.field == "model"


def test_leaderboards_are_enough_to_replace_the_default_but_not_under_rules() -> None:
    stated = {"task_requirements": {"kind": "general"}}
    asked: dict[str, Any] = {"needs": Requirements.from_task("CHAT", "Say something", stated)}
    both = asked | {"served": (DEFAULT_MODEL, "gpt-6.1-terra")}

    assert chosen(**both) == "gpt-6.1-terra"
    assert chosen(**both, policy=PolicyName.RULES) == DEFAULT_MODEL
    assert chosen(**asked, served=(DEFAULT_MODEL, "groq/llama-3.1-8b-instant")) == DEFAULT_MODEL


def test_local_only_keeps_the_prompt_on_the_machine() -> None:
    local = Preferences(data_policy="local-only")

    assert chosen(preferences=local) == "ollama/some-model"


def test_a_prompt_too_long_for_one_window_goes_to_a_larger_one() -> None:
    served = ("claude-haiku-4-5", DEFAULT_MODEL)

    assert chosen(prompt_characters=1_000_000, served=served) == DEFAULT_MODEL
    with pytest.raises(NoModel, match="context window is 200000"):
        chosen(prompt_characters=1_000_000, served=served, requested="claude-haiku-4-5")


def test_a_model_that_failed_is_not_taken_again() -> None:
    choice = choose_model(
        SelectionRequest(
            needs=needs("Write it"), served=SERVED, failed={DEFAULT_MODEL: "overloaded"}
        ),
        CATALOGUE,
    )

    assert choice.selected.model_id != DEFAULT_MODEL
    assert "overloaded" in choice.reason


def test_without_the_models_of_any_role_the_first_that_is_served_is_taken() -> None:
    assert chosen(served=("ollama/b", "ollama/a")) == "ollama/a"


def test_without_any_model_a_sentence_says_what_to_do() -> None:
    with pytest.raises(NoModel, match="start one: `cogo serve executor`"):
        chosen(served=())
    with pytest.raises(NoModel, match="the task's preferences deny it"):
        chosen(served=(DEFAULT_MODEL,), preferences=Preferences(denied_models=[DEFAULT_MODEL]))
    with pytest.raises(NoModel, match="no executor serves it now"):
        chosen(requested="claude-opus-5-5")


def test_a_model_that_a_server_has_not_pulled_is_answered_with_its_neighbours() -> None:
    served = (DEFAULT_MODEL, "ollama/llama3.1:8b", "ollama/phi4")

    with pytest.raises(NoModel) as refusal:
        chosen(served=served, requested="ollama/llama3.2:1b")

    assert "not at Ollama: `ollama pull llama3.2:1b`" in refusal.value.message
    assert refusal.value.allowed == ["ollama/llama3.1:8b", "ollama/phi4"]
    with pytest.raises(NoModel, match="start Ollama, and `ollama pull phi4`"):
        chosen(served=(DEFAULT_MODEL,), requested="ollama/phi4")


def test_a_choice_is_recorded_with_its_reason_and_everything_behind_it() -> None:
    wanted = SelectionRequest(
        needs=needs("Generate optimized sorting algorithm"),
        served=SERVED,
        preferences=Preferences(denied_models=["gpt-6.1-sol"]),
    )

    record = choose_model(wanted, CATALOGUE).to_record(key="main")

    assert record.selected_model == CODING_MODEL
    assert record.reason == "Performance is needed: the coding model."
    assert record.requirements["performanceNeeded"] is True
    assert "gpt-6.1-sol" not in record.available_models
    assert set(record.model_capabilities) == set(record.available_models)
    assert set(record.candidates.model_id) == set(SERVED)


_LANES = st.sampled_from([*CATALOGUE.models, "ollama/x", "ollama/y", "elsewhere/z"])
_NAMES = st.lists(st.sampled_from([*CATALOGUE.models, *CATALOGUE.roles]), max_size=3)
_PROVIDERS = st.lists(st.sampled_from([*CATALOGUE.providers]), max_size=2)
WANTED = st.builds(
    SelectionRequest,
    needs=st.builds(
        Requirements,
        complexity=st.sampled_from(["low", "medium", "high"]),
        performance_needed=st.booleans(),
        accuracy_needed=st.booleans(),
        task_type=st.sampled_from(["general", "specialized-coding"]),
    ),
    requested=st.none() | st.sampled_from([*CATALOGUE.models, *CATALOGUE.roles]),
    preferences=st.builds(
        Preferences,
        allowed_models=_NAMES,
        denied_models=_NAMES,
        allowed_providers=_PROVIDERS,
        denied_providers=_PROVIDERS,
        data_policy=st.sampled_from(["any", "local-only"]),
    ),
    prompt_characters=st.integers(0, 4_000_000),
    served=st.lists(_LANES, max_size=8),
    failed=st.dictionaries(_LANES, st.just("overloaded"), max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(wanted=WANTED)
def test_a_refused_candidate_is_never_chosen(wanted: SelectionRequest) -> None:
    try:
        choice = choose_model(wanted, CATALOGUE)
    except NoModel as error:
        assert error.message.endswith(".")
        return

    assert choice.selected.refused is None
    assert choice.selected.model_id in wanted.served
    assert choice.selected.model_id not in wanted.failed
    assert choice.reason.endswith(".")


@settings(max_examples=100, deadline=None)
@given(wanted=WANTED, data=st.data())
def test_the_order_of_what_is_served_changes_nothing(
    wanted: SelectionRequest, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(wanted.served))
    other = SelectionRequest(
        needs=wanted.needs,
        requested=wanted.requested,
        preferences=wanted.preferences,
        prompt_characters=wanted.prompt_characters,
        served=[*order, *order],
        failed=wanted.failed,
    )

    assert _outcome(wanted) == _outcome(other)


@settings(max_examples=100, deadline=None)
@given(wanted=WANTED)
def test_the_first_recommendation_is_what_would_be_chosen(wanted: SelectionRequest) -> None:
    free = SelectionRequest(
        needs=wanted.needs,
        preferences=wanted.preferences,
        served=wanted.served,
        failed=wanted.failed,
    )
    recommended = recommend(free, CATALOGUE)

    outcome = _outcome(free)

    assert outcome == recommended[0] if recommended else outcome.startswith("no ")


def _outcome(wanted: SelectionRequest) -> str:
    try:
        return choose_model(wanted, CATALOGUE).selected.model_id
    except NoModel as error:
        return error.message


def test_a_model_beside_a_simulated_system_is_told_from_one_without_a_server() -> None:
    hint = "`cogo up` uses a local model only if it is served at its start"
    with pytest.raises(NoModel, match=hint):
        chosen(requested="ollama/qwen3:8b", simulated=frozenset(SERVED))
    with pytest.raises(NoModel, match="is not at Ollama: `ollama pull qwen3:8b`") as refusal:
        chosen(requested="ollama/qwen3:8b")
    assert hint not in str(refusal.value)
