"""The expected cost of a choice, as a range, before anything is spent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agents.selection.choice import Choice
from agents.selection.evidence.estimates import estimate_input_tokens

SHORT: Final = 0.25
LONG: Final = 3.0
"""Multiples of the usual length between which nearly all answers are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """US dollars; None if the price of a model is unknown."""

    low: float | None
    expected: float | None
    high: float | None

    def to_json(self) -> dict[str, float | None]:
        """Return the three figures."""
        return {"low": self.low, "expected": self.expected, "high": self.high}

    def sentence(self) -> str:
        """Return the range for a person."""
        if self.low is None or self.expected is None or self.high is None:
            return "the cost is unknown, because a price is unknown"
        return f"about ${self.expected:.4f}, between ${self.low:.4f} and ${self.high:.4f}"


def add_quotes(quotes: Iterable[Quote]) -> Quote:
    """Return the sum of quotes; unknown if one of them is."""

    def add(values: list[float | None]) -> float | None:
        known = [each for each in values if each is not None]
        return sum(known) if len(known) == len(values) else None

    listed = list(quotes)
    return Quote(
        low=add([each.low for each in listed]),
        expected=add([each.expected for each in listed]),
        high=add([each.high for each in listed]),
    )


def build_quote(choice: Choice) -> Quote:
    """Price the selected model with its team, and a cascade's models as often as each is asked.

    `low` is the first model only, `high` all of them.
    """
    request, pick = choice.request, choice.pick
    prompt = estimate_input_tokens(request.needs, request.prompt_characters)
    stated = request.needs.output_tokens
    selected = choice.selected.model_id
    sure = [*pick.team, selected]
    later = (
        [] if pick.plan is None else list(zip(pick.plan.models, pick.plan.reaches, strict=True))[1:]
    )

    def expect_tokens(id_: str) -> float:
        forecast = choice.candidates[id_].estimate.forecast
        return forecast.output_tokens if stated is None else stated

    def sum_costs(models: list[str], share: float) -> float | None:
        # A synthesis reads its team's answers.
        drafts = sum(map(expect_tokens, pick.team)) * share
        costs = [
            choice.candidates[id_].profile.cost(
                prompt + (int(drafts) if id_ == selected else 0), expect_tokens(id_) * share
            )
            for id_ in models
        ]
        known = [each for each in costs if each is not None]
        return sum(known) if len(known) == len(costs) else None

    def quote_later(id_: str, reach: float) -> Quote:
        usual = sum_costs([id_], 1.0)
        expected = None if usual is None else reach * usual
        return Quote(low=0.0, expected=expected, high=sum_costs([id_], LONG))

    first = Quote(
        low=sum_costs(sure, SHORT), expected=sum_costs(sure, 1.0), high=sum_costs(sure, LONG)
    )
    return add_quotes([first, *(quote_later(id_, reach) for id_, reach in later)])
