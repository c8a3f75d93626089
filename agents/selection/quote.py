"""What a choice would cost, as a range, before anything is spent."""

from dataclasses import dataclass
from typing import Final

from agents.selection.choice import Choice
from agents.selection.evidence.tokens import estimate_input_tokens, estimate_output_tokens

SHORT: Final = 0.25
LONG: Final = 3.0
"""Shares of the usual length between which nearly all answers are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """US dollars; None where the price of one of the models is not known."""

    low: float | None
    expected: float | None
    high: float | None

    def as_json(self) -> dict[str, float | None]:
        """Give the three figures."""
        return {"low": self.low, "expected": self.expected, "high": self.high}

    def sentence(self) -> str:
        """Say it to a person."""
        if self.low is None or self.expected is None or self.high is None:
            return "the cost cannot be told: a price is not known"
        return f"about ${self.expected:.4f}, between ${self.low:.4f} and ${self.high:.4f}"


def build_quote(choice: Choice, prompt_characters: int) -> Quote:
    """Price the model, its team, and at the dear end the next rung of a cascade."""
    asked = estimate_input_tokens(choice.needs, prompt_characters)
    usual = estimate_output_tokens(choice.needs)
    selected = choice.selected.model_id
    sure = [*choice.team, selected]
    most = [*sure, *([choice.next_rung] if choice.next_rung else [])]

    def cost(models: list[str], share: float) -> float | None:
        # A synthesis reads what its team wrote.
        drafts = int(usual * share) * len(choice.team)
        costs = [
            choice.eligible[id_].card.cost(
                asked + (drafts if id_ == selected else 0), int(usual * share)
            )
            for id_ in models
        ]
        known = [each for each in costs if each is not None]
        return sum(known) if len(known) == len(costs) else None

    return Quote(low=cost(sure, SHORT), expected=cost(sure, 1.0), high=cost(most, LONG))
