"""What the constraints compare with, worked out once per choice and not once per model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from agents.selection.controls import Standing
from agents.selection.evidence.estimates import Estimate, Forecaster
from agents.selection.evidence.tokens import input_tokens, output_tokens
from agents.selection.model_profiles import Card, Shelf
from agents.selection.request import Wanted
from providers.errors import UnknownModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """One question, with its names resolved and its lengths estimated."""

    wanted: Wanted
    input_tokens: int
    output_tokens: int
    denied: frozenset[str]
    allowed: frozenset[str] | None
    """None: all."""
    standing: Standing
    forecaster: Forecaster

    def estimate(self, card: Card) -> Estimate:
        """What this model may be expected to do here."""
        return self.estimates((card,))[0]

    def estimates(self, cards: Iterable[Card]) -> list[Estimate]:
        """The same for many, in their order."""
        needs = self.wanted.needs
        return self.forecaster.estimates(cards, needs, self.input_tokens, self.output_tokens)

    @classmethod
    def of(cls, wanted: Wanted, shelf: Shelf, forecaster: Forecaster, standing: Standing) -> Self:
        """Resolve and estimate; a name that the catalogue does not know stands for itself."""
        wishes = wanted.preferences
        return cls(
            wanted=wanted,
            input_tokens=input_tokens(wanted.needs, wanted.prompt_characters),
            output_tokens=output_tokens(wanted.needs),
            denied=_named(wishes.denied_models, shelf),
            allowed=_named(wishes.allowed_models, shelf) if wishes.allowed_models else None,
            standing=standing,
            forecaster=forecaster,
        )


def _named(names: Sequence[str], shelf: Shelf) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        try:
            found.update(shelf.ids_of(name)[0])
        except UnknownModel:
            found.add(name)
    return frozenset(found)
