"""What the constraints compare with, worked out once per choice and not once per model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from agents.selection.controls import ActiveControls
from agents.selection.evidence.estimates import Estimate, Forecaster
from agents.selection.evidence.tokens import estimate_input_tokens, estimate_output_tokens
from agents.selection.model_profiles import ModelProfile, ProfileCache
from agents.selection.request import SelectionRequest
from providers.errors import UnknownModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One question, with its names resolved and its lengths estimated."""

    wanted: SelectionRequest
    input_tokens: int
    output_tokens: int
    denied: frozenset[str]
    allowed: frozenset[str] | None
    """None: all."""
    standing: ActiveControls
    forecaster: Forecaster

    def estimate(self, card: ModelProfile) -> Estimate:
        """What this model may be expected to do here."""
        return self.estimates((card,))[0]

    def estimates(self, cards: Iterable[ModelProfile]) -> list[Estimate]:
        """The same for many, in their order."""
        needs = self.wanted.needs
        return self.forecaster.estimates(cards, needs, self.input_tokens, self.output_tokens)

    @classmethod
    def of(
        cls,
        wanted: SelectionRequest,
        shelf: ProfileCache,
        forecaster: Forecaster,
        standing: ActiveControls,
    ) -> Self:
        """Resolve and estimate; a name that the catalogue does not know stands for itself."""
        wishes = wanted.preferences
        return cls(
            wanted=wanted,
            input_tokens=estimate_input_tokens(wanted.needs, wanted.prompt_characters),
            output_tokens=estimate_output_tokens(wanted.needs),
            denied=_named(wishes.denied_models, shelf),
            allowed=_named(wishes.allowed_models, shelf) if wishes.allowed_models else None,
            standing=standing,
            forecaster=forecaster,
        )


def _named(names: Sequence[str], shelf: ProfileCache) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        try:
            found.update(shelf.ids_of(name)[0])
        except UnknownModel:
            found.add(name)
    return frozenset(found)
