"""The catalogue check: contradictions with installed packages are found or explained."""

from datetime import date
from pathlib import Path

import pytest

from providers.catalogue.catalogue import Catalogue
from scripts.sdk_lists import (
    Difference,
    Kind,
    VendorList,
    find_differences,
    read_known,
    read_vendors,
)

CATALOGUE = Catalogue.load()
VENDORS = read_vendors()


def found(overlay: str, tmp_path: Path, *vendors: VendorList) -> list[tuple[Kind, str]]:
    """Return the differences that a change to the catalogue makes."""
    path = tmp_path / "cogo.toml"
    path.write_text(overlay)
    differences = find_differences(Catalogue.load(path), vendors or VENDORS, read_known())
    return [(each.kind, each.model) for each in differences if each.is_contradiction]


def test_the_catalogue_contradicts_nothing_that_is_installed() -> None:
    differences = find_differences(CATALOGUE, VENDORS, read_known())

    assert [each.message for each in differences if each.is_contradiction] == []


def test_the_ends_that_the_sdks_announce_are_read() -> None:
    ends = {vendor.provider: vendor.ends for vendor in VENDORS}

    assert ends["openai"]["gpt-4"] == date(2026, 10, 23)
    assert ends["openai"]["gpt-4o-mini"] == date(2027, 1, 14)
    assert ends["anthropic"]["claude-sonnet-4-5"] == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("overlay", "kind", "model"),
    [
        ('[models."gpt-4"]\nretirement = false\n', Kind.END, "gpt-4"),
        (
            '[models."o3"]\nretirement = { successor = "gpt-4o", reason = "x", on = 2026-12-12 }\n',
            Kind.END,
            "o3",
        ),
        (
            '[models."gpt-9"]\nname = "GPT-9"\nmaker = "OpenAI"\n'
            'deployments = [{ provider = "openai", model = "gpt-9", '
            'prices = { input = 1, output = 1, source = "x" } }]\n',
            Kind.LISTING,
            "gpt-9",
        ),
        (
            '[models."gpt-6-sol"]\ndeployments = [{ provider = "openai", model = "gpt-6-sol", '
            'prices = { input = 1, output = 1, source = "x" } }]\n',
            Kind.PRICE,
            "gpt-6-sol",
        ),
        ('[models."claude-opus-5"]\ncontext_window = 200_000\n', Kind.WINDOW, "claude-opus-5"),
    ],
)
def test_a_fact_that_a_package_contradicts_is_reported(
    tmp_path: Path, overlay: str, kind: Kind, model: str
) -> None:
    assert (kind, model) in found(overlay, tmp_path)


def test_a_model_that_is_only_missing_and_one_that_is_explained_are_no_contradictions() -> None:
    vendor = VendorList(
        provider="openai",
        source="x",
        models=frozenset({"gpt-new", "gpt-new-2026-01-01"}),
        ends={},
    )
    differences = find_differences(CATALOGUE, [vendor], {("listing", "gpt-6-sol"): "because"})

    missing = [each for each in differences if each.kind is Kind.MISSING]
    assert [each.model for each in missing] == ["gpt-new"]
    assert not missing[0].is_contradiction
    [explained] = [each for each in differences if each.model == "gpt-6-sol"]
    assert (explained.explanation, explained.is_contradiction) == ("because", False)


def test_an_obsolete_explanation_is_reported() -> None:
    differences = find_differences(CATALOGUE, [], {("end", "claude-opus-5"): "it was so"})

    assert differences[-1] == Difference(
        kind=Kind.EXPLANATION,
        model="claude-opus-5",
        message="nothing differs in its end now",
    )
    assert differences[-1].is_contradiction
