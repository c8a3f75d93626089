"""Cards: what a choice knows of a model is what the catalogue says now."""

from pathlib import Path

from agents.selection.cards import shelf_of
from providers.catalogue import Catalogue

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
    before = shelf_of(catalogue).card("acme/parrot-1")

    catalogue.adopt(a_catalogue(tmp_path / "cogo.toml", 16_000))

    assert before.context_window == 8_000
    assert shelf_of(catalogue).card("acme/parrot-1").context_window == 16_000
    assert shelf_of(catalogue) is shelf_of(catalogue)
