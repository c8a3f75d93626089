"""Model profiles follow the catalogue."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.selection.evidence.priors import guess_first_token_s, guess_total_s
from agents.selection.model_profiles import ModelProfile, get_profile_cache
from agents.selection.requirements import Complexity
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.open_models import Measured, OpenModel
from providers.chat import TokenUsage
from providers.prices import calculate_cost

OVERLAY = """
[models."acme/parrot-1"]
name = "Parrot 1"
maker = "Acme"
context_window = {window}

[[models."acme/parrot-1".deployments]]
provider = "openai"
model = "parrot-1"
"""


def a_catalogue(path: Path, window: int) -> Catalogue:
    path.write_text(OVERLAY.format(window=window))
    return Catalogue.load(path)


def test_a_reloaded_catalogue_has_new_cards(tmp_path: Path) -> None:
    catalogue = a_catalogue(tmp_path / "cogo.toml", 8_000)
    before = get_profile_cache(catalogue).get("acme/parrot-1")

    catalogue.replace_with(a_catalogue(tmp_path / "cogo.toml", 16_000))

    assert before.context_window == 8_000
    assert get_profile_cache(catalogue).get("acme/parrot-1").context_window == 16_000
    assert get_profile_cache(catalogue) is get_profile_cache(catalogue)


@pytest.mark.parametrize("model_id", ["claude-haiku-5-5", "gpt-6-sol", "claude-opus-5"])
@pytest.mark.parametrize("prompt", [1_000, 100_000, 100_001, 272_000, 272_001])
def test_a_choice_expects_what_the_call_will_cost(model_id: str, prompt: int) -> None:
    catalogue = Catalogue.load()
    model = catalogue.models[model_id]
    entry = model.deployments[0]
    host = catalogue.providers[entry.provider]
    place = Deployment(model=model, entry=entry, host=host, base_url="")

    expected = get_profile_cache(catalogue).get(model_id).cost(prompt, 2_000)

    cost = calculate_cost(TokenUsage(input=prompt, output=2_000), place)
    assert cost is not None
    assert expected == pytest.approx(float(cost.usd))


@pytest.mark.parametrize(
    ("reasoning", "is_slower"),
    [("none", False), ("optional", False), ("default-on", True), ("always", True)],
)
def test_reasoning_by_default_is_expected_to_take_time(
    tmp_path: Path, reasoning: str, is_slower: bool
) -> None:
    plain = get_profile_cache(a_catalogue(tmp_path / "a.toml", 8_000)).get("acme/parrot-1")
    path = tmp_path / "b.toml"
    path.write_text(OVERLAY.format(window=8_000).replace("[[", f'reasoning = "{reasoning}"\n[['))
    profile = get_profile_cache(Catalogue.load(path)).get("acme/parrot-1")

    complexities: tuple[Complexity, ...] = ("low", "medium", "high")
    for each in complexities:
        assert (
            guess_total_s(profile, "chat", each) > guess_total_s(plain, "chat", each)
        ) is is_slower


def test_a_model_made_for_performance_is_expected_to_begin_and_to_speak_sooner(
    tmp_path: Path,
) -> None:
    plain = get_profile_cache(a_catalogue(tmp_path / "a.toml", 8_000)).get("acme/parrot-1")
    quick = replace(plain, capabilities=("performance",))

    def after_the_first_token(profile: ModelProfile) -> float:
        return guess_total_s(profile, "chat", "medium") - guess_first_token_s(profile)

    assert guess_first_token_s(quick) < guess_first_token_s(plain)
    assert after_the_first_token(quick) < after_the_first_token(plain)


def test_what_an_executor_reports_of_an_open_model_counts() -> None:
    catalogue = Catalogue.load()
    measured = Measured(tokens_per_s=30, first_token_s=0.1, measured_at="2026-11-30T00:00:00Z")
    reported = OpenModel(
        lane="ollama/m",
        own_id="m",
        maker="Acme",
        tool_mode="structured",
        context_window=4_096,
        inputs=("text", "image"),
        reasoning="default-on",
        parameters=8.0,
        is_remote=False,
        measured=measured,
    )

    plain = get_profile_cache(catalogue).get("ollama/m")
    known = get_profile_cache(catalogue, open_models=frozenset({reported})).get("ollama/m")

    assert (plain.context_window, plain.tools, plain.parameters) == (None, None, None)
    assert (known.context_window, known.tools, known.parameters) == (4_096, True, 8.0)
    assert (known.maker, known.inputs, known.measured) == ("Acme", ("text", "image"), measured)
    assert known.reasons_by_default
    assert known.is_local


@pytest.mark.parametrize(
    ("facts", "is_local"),
    [
        ({"is_remote": False}, True),
        ({}, False),
        ({"is_remote": False, "is_elsewhere": True}, False),
    ],
)
def test_a_model_is_local_only_if_it_is_known_to_stay_here(
    facts: dict[str, Any], is_local: bool
) -> None:
    reported = OpenModel(lane="ollama/m", own_id="m", **facts)

    known = get_profile_cache(Catalogue.load(), open_models=frozenset({reported})).get("ollama/m")

    assert known.is_local is is_local
    assert all(host.local for host in known.hosts)  # it is free of charge wherever it runs


def test_a_model_that_its_server_passes_on_is_not_local() -> None:
    reported = OpenModel(lane="ollama/m:cloud", own_id="m:cloud", is_remote=True)
    profiles = get_profile_cache(Catalogue.load(), open_models=frozenset({reported}))

    known = profiles.get("ollama/m:cloud")

    assert not known.is_local
    assert not any(host.local for host in known.hosts)
    assert profiles.get("ollama/m").is_local
