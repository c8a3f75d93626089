"""Cards: what a choice knows of a model is what the catalogue says now."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.selection.evidence.priors import first_token_prior, total_prior
from agents.selection.model_profiles import ModelProfile, get_profiles
from agents.selection.requirements import Requirements
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.chat import Usage
from providers.prices import cost_of

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
    before = get_profiles(catalogue).card("acme/parrot-1")

    catalogue.adopt(a_catalogue(tmp_path / "cogo.toml", 16_000))

    assert before.context_window == 8_000
    assert get_profiles(catalogue).card("acme/parrot-1").context_window == 16_000
    assert get_profiles(catalogue) is get_profiles(catalogue)


@pytest.mark.parametrize("model_id", ["claude-haiku-5-5", "gpt-6-sol", "claude-opus-5"])
@pytest.mark.parametrize("prompt", [1_000, 100_000, 100_001, 272_000, 272_001])
def test_a_choice_expects_what_the_call_will_cost(model_id: str, prompt: int) -> None:
    catalogue = Catalogue.load()
    model = catalogue.models[model_id]
    entry = model.deployments[0]
    host = catalogue.providers[entry.provider]
    place = Deployment(model=model, entry=entry, host=host, base_url="")

    expected = get_profiles(catalogue).card(model_id).cost(prompt, 2_000)

    cost = cost_of(Usage(input=prompt, output=2_000), place)
    assert cost is not None
    assert expected == pytest.approx(float(cost.usd))


@pytest.mark.parametrize(
    ("reasoning", "is_slower"),
    [("none", False), ("optional", False), ("default-on", True), ("always", True)],
)
def test_what_a_model_does_unasked_is_expected_to_take_its_time(
    tmp_path: Path, reasoning: str, is_slower: bool
) -> None:
    plain = get_profiles(a_catalogue(tmp_path / "a.toml", 8_000)).card("acme/parrot-1")
    path = tmp_path / "b.toml"
    path.write_text(OVERLAY.format(window=8_000).replace("[[", f'reasoning = "{reasoning}"\n[['))
    card = get_profiles(Catalogue.load(path)).card("acme/parrot-1")

    for complexity in ("low", "medium", "high"):
        needs = Requirements.model_validate({"complexity": complexity})
        assert (total_prior(card, needs) > total_prior(plain, needs)) is is_slower


def test_a_model_made_for_performance_is_expected_to_begin_and_to_speak_sooner(
    tmp_path: Path,
) -> None:
    plain = get_profiles(a_catalogue(tmp_path / "a.toml", 8_000)).card("acme/parrot-1")
    quick = replace(plain, capabilities=("performance",))
    needs = Requirements()

    def after_the_first_token(card: ModelProfile) -> float:
        return total_prior(card, needs) - first_token_prior(card)

    assert first_token_prior(quick) < first_token_prior(plain)
    assert after_the_first_token(quick) < after_the_first_token(plain)
