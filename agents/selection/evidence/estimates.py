"""Estimates of a model's results at a task: priors, updated with what was observed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, inf, log, sqrt
from typing import Any, Final, NamedTuple

from agents.selection.evidence.calls import expect_failed_calls, expect_rejected_calls
from agents.selection.evidence.failures import FailureRecords
from agents.selection.evidence.leaderboards import get_ratings
from agents.selection.evidence.observations import ModelHealth, Observations, Observed
from agents.selection.evidence.priors import (
    COMPLEXITY_EASE,
    EASE,
    LENGTHS,
    guess_ability,
    guess_first_token_s,
    guess_output_tokens,
    guess_total_s,
    guess_wordiness,
)
from agents.selection.evidence.quality import KNOWN_EVIDENCE, QualityModel
from agents.selection.evidence.usage import MASS, MeanModel
from agents.selection.kinds.scripts import DENSE_SCRIPTS
from agents.selection.model_profiles import ModelProfile
from agents.selection.requirements import Requirements

DIGITS: Final = 6
"""Of shares in records."""
RECORDED: Final = ("quality", "low", "high", "outcomes", "first_token_ms", "total_ms")
"""The numbers of each model in records."""
ENOUGH: Final = 5
"""Number of measured answers from which on a time counts as measured."""
SPREAD: Final = 1.2816
"""Standard deviations on each side of the mean that contain 80 % of a normal distribution."""
KNOWN_WIDTH: Final = 0.3
"""Maximum width of the interval of a model that is known."""
MIN_JUDGED: Final = 3.0
"""Judgements at a kind of work that show that its answers are judged."""
MIN_JUDGED_SHARE: Final = 0.1
"""The least of them for each answer."""
DEGRADED: Final = 0.7
"""Factor on the expected quality of a model that is not healthy."""

CHARACTERS_PER_TOKEN: Final = 3.0
"""A high estimate, because code has more tokens per character than prose, and only the number of
characters is known; `providers.calls.prepare` names the other estimates."""
MIN_ANSWER_TOKENS: Final = 1_000
"""Minimum tokens of the context window that an answer needs after the prompt."""
MAX_REMEMBERED: Final = 200
"""Kinds of work whose forecasts are kept: tasks may state any number of names."""
_USUAL_FIRST_TOKEN_S: Final = 1.2
_USUAL_TOTAL_S: Final = 15.0


def estimate_input_tokens(needs: Requirements, prompt_characters: int) -> int:
    """Return the stated number of tokens, else an estimate on the high side."""
    if needs.input_tokens is not None:
        return needs.input_tokens
    is_dense = bool(needs.natural_languages) and needs.natural_languages[0] in DENSE_SCRIPTS
    return int(prompt_characters / (1.0 if is_dense else CHARACTERS_PER_TOKEN))


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The part of an estimate that does not depend on the prompt's length."""

    quality: float
    low: float
    high: float
    """The quality is between `low` and `high` with a probability of 80 %."""
    mass: float
    """Outcomes that would tell as much as is known of `quality`."""
    evidence: float = 0.0
    """Judgements of the model; those of other kinds of work and leaderboards count in part."""
    observed: float
    """The weight of the judgements at this kind of work."""
    judged_by: Mapping[str, float] = field(default_factory=dict)
    """The parts of that by what judged."""
    first_token_s: float
    total_s: float
    is_measured: bool
    """Whether the times were measured."""
    output_tokens: float = 0.0
    """Tokens of the answer, with those of reasoning."""
    cached_share: float = 0.0
    """The share of the prompt that the vendor usually has cached."""
    cost_usd: float | None
    """The observed mean cost of a call; None: unknown, or the tokens are known."""
    priced: float = 0.0
    """Answers of which `cost_usd` is the mean."""
    health: ModelHealth | None
    """None: healthy."""
    called: float = 0.0
    """The weight of the attempts in which it called tools, at all kinds of work."""
    rejected_calls: float = 0.0
    """The expected share of its calls of tools that cannot be run."""

    @cached_property
    def is_known(self) -> bool:
        """Whether enough was observed of the model to prefer it for its price."""
        return self.evidence >= KNOWN_EVIDENCE and self.high - self.low <= KNOWN_WIDTH

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The values of `RECORDED`, rounded; made once for all choices."""
        return (
            round(self.quality, DIGITS),
            round(self.low, DIGITS),
            round(self.high, DIGITS),
            round(self.observed),
            round(self.first_token_s * 1000),
            round(self.total_s * 1000),
        )

    @cached_property
    def notes(self) -> Mapping[str, Any]:
        """The details that records have only of some models."""
        calls = {"called": round(self.called), "rejected_calls": round(self.rejected_calls, 4)}
        judged_by = {name: round(weight, 1) for name, weight in self.judged_by.items()}
        return {
            **({"judged_by": judged_by} if judged_by else {}),
            **({"health": self.health} if self.health is not None else {}),
            **(calls if self.called >= 1 or self.rejected_calls > 0 else {}),
        }


class Estimate(NamedTuple):
    """The expected quality, time and cost of one model at one task."""

    forecast: Forecast
    cost_usd: float | None
    """None: no price is known."""

    @property
    def quality(self) -> float:
        """The share of such tasks that it should do well, from 0 to 1."""
        return self.forecast.quality

    @property
    def low(self) -> float:
        """The lower end of the interval that contains the quality with 80 % probability."""
        return self.forecast.low

    @property
    def high(self) -> float:
        """The upper end of that interval."""
        return self.forecast.high

    @property
    def is_known(self) -> bool:
        """Whether enough was observed of the model to prefer it for its price."""
        return self.forecast.is_known

    @property
    def price(self) -> float:
        """The expected dollars; infinite if no price is known."""
        return inf if self.cost_usd is None else self.cost_usd

    @property
    def health(self) -> ModelHealth | None:
        """None: healthy."""
        return self.forecast.health

    def describe(self) -> str:
        """Return the numbers for a reason: `quality 0.82 (0.75 to 0.88), about $0.0123, 16 s`."""
        forecast = self.forecast
        seen = f" from {forecast.observed:.0f} outcomes" if forecast.observed >= 1 else ""
        quality = f"{forecast.quality:.2f} ({forecast.low:.2f} to {forecast.high:.2f}){seen}"
        return f"quality {quality}, {self.describe_cost()}, {forecast.total_s:.0f} s"

    def describe_cost(self) -> str:
        """Return the expected cost for a reason."""
        return "no known price" if self.cost_usd is None else f"about ${self.cost_usd:.4f}"


class Forecaster:
    """Makes estimates from one snapshot of observations, and caches their forecasts."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        self._forecasts: dict[tuple[str, str, bool], dict[str, tuple[ModelProfile, Forecast]]] = {}

    @cached_property
    def failures(self) -> FailureRecords:
        """How models fail at the same tasks, by kind of work."""
        return FailureRecords(self.observations)

    def prepare(self) -> None:
        """Learn from the observations now, for example in a thread before the first choice."""
        models = (self._output, self._total, self._first_token, self._calling)
        for learned in (self.qualities, self.gain, self.failures, *models):
            del learned

    @cached_property
    def qualities(self) -> QualityModel:
        """The expectations of quality that the outcomes give."""
        return QualityModel(
            self.observations.outcomes,
            ratings=get_ratings(),
            offsets=EASE,
            guess_ability=lambda id_: guess_ability(id_, self.observations.sizes.get(id_)),
        )

    @cached_property
    def gain(self) -> float:
        """How much better the best model of each kind is than the best one for all, on average.

        It is 0 if one model is the best at everything, or if there is one kind of work only.
        """
        return self._measured[1]

    @property
    def overall(self) -> Mapping[str, float]:
        """The expected quality of each judged model at all kinds of work, as often as they come."""
        return self._measured[0]

    @cached_property
    def _measured(self) -> tuple[Mapping[str, float], float]:
        return _compute_overall(self.observations.outcomes, self.qualities)

    def is_judged(self, kind: str) -> bool:
        """Return whether answers to this kind of work are judged often enough to learn from."""
        judged, answered = self._judged.get(kind, (0.0, 0.0))
        return judged >= MIN_JUDGED and judged >= MIN_JUDGED_SHARE * answered

    @cached_property
    def _judged(self) -> dict[str, tuple[float, float]]:
        """Weights of the judgements, and of the answers, by kind of work."""
        sums: dict[str, tuple[float, float]] = {}
        for (_, kind), each in self.observations.outcomes.items():
            judged, answered = sums.get(kind, (0.0, 0.0))
            sums[kind] = (judged + each.judged, answered + each.answered)
        return sums

    @cached_property
    def _output(self) -> MeanModel:
        return self._learn(lambda each: each.output_tokens, guess_output_tokens)

    @cached_property
    def _total(self) -> MeanModel:
        return self._learn(lambda each: _to_seconds(each.total_ms), lambda _: _USUAL_TOTAL_S)

    @cached_property
    def _first_token(self) -> MeanModel:
        return self._learn(
            lambda each: _to_seconds(each.first_token_ms), lambda _: _USUAL_FIRST_TOKEN_S
        )

    def _learn(
        self, read: Callable[[Observed], float | None], guess: Callable[[str], float]
    ) -> MeanModel:
        measured = {
            key: (mean, each.answered)
            for key, each in self.observations.outcomes.items()
            if each.answered > 0 and (mean := read(each)) is not None
        }
        return MeanModel(measured, {kind: guess(kind) for _, kind in measured})

    def estimate(
        self, profiles: Iterable[ModelProfile], needs: Requirements, input_tokens: int
    ) -> list[Estimate]:
        """Return the estimate of each model at one task, in their order."""
        if len(self._forecasts) >= MAX_REMEMBERED:
            self._forecasts.clear()
        key = (needs.kind, needs.complexity, needs.tool_calls > 0)
        cached = self._forecasts.setdefault(key, {})
        stated = needs.output_tokens
        estimates = []
        for profile in profiles:
            known, forecast = cached.get(profile.model_id, _NO_FORECAST)
            if known is not profile or forecast is None:  # servers may say more than before
                forecast = self._forecast(profile, needs)
                cached[profile.model_id] = (profile, forecast)
            output = forecast.output_tokens if stated is None else stated
            cost = profile.cost(input_tokens, output, cached_share=forecast.cached_share)
            # With the simulator, the observed cost was real money.
            if forecast.cost_usd is not None and not profile.is_simulated:
                guessed = forecast.cost_usd if cost is None else cost
                total = guessed * MASS + forecast.cost_usd * forecast.priced
                cost = total / (MASS + forecast.priced)
            estimates.append(Estimate(forecast, cost))
        return estimates

    def _forecast(self, profile: ModelProfile, needs: Requirements) -> Forecast:
        model, kind, complexity = profile.model_id, needs.kind, needs.complexity
        here = self.observations.outcomes.get((model, kind), _NOTHING)
        health = self.observations.health.get(model)
        guess = guess_ability(model, profile.parameters)
        expected = self.qualities.expect(model, kind, guess=guess)
        factor = 1.0 if health is None else DEGRADED
        calling = self._calling.get(model, {})
        if needs.tool_calls:
            factor *= 1.0 - expect_failed_calls(calling, kind, writes_text=profile.writes_calls)
        low, high = compute_interval(expected.mean, expected.mass)
        ease = COMPLEXITY_EASE[complexity]
        first = guess_first_token_s(profile) / _USUAL_FIRST_TOKEN_S
        total = guess_total_s(profile, kind, complexity)
        length = LENGTHS[complexity]
        has_tokens = here.output_tokens is not None
        return Forecast(
            quality=_shift(expected.mean, ease) * factor,
            low=_shift(low, ease) * factor,
            high=_shift(high, ease) * factor,
            mass=expected.mass,
            evidence=expected.evidence,
            observed=here.judged,
            judged_by=here.judged_by,
            first_token_s=self._first_token.expect(model, kind, _USUAL_FIRST_TOKEN_S, factor=first),
            total_s=self._total.expect(model, kind, _USUAL_TOTAL_S, factor=total / _USUAL_TOTAL_S),
            is_measured=here.total_ms is not None and here.answered >= ENOUGH,
            output_tokens=self._output.expect(
                model, kind, guess_output_tokens(kind) * length, factor=guess_wordiness(profile)
            ),
            cached_share=_compute_cached_share(here),
            cost_usd=None if has_tokens and profile.prices else here.cost_usd,
            priced=here.answered,
            health=health,
            called=sum(each.called for each in calling.values()),
            rejected_calls=expect_rejected_calls(calling, writes_text=profile.writes_calls),
        )

    @cached_property
    def _calling(self) -> dict[str, dict[str, Observed]]:
        """Outcomes of models that have called tools, by model and kind of work."""
        found: dict[str, dict[str, Observed]] = {}
        for (model, kind), each in self.observations.outcomes.items():
            if each.called > 0:
                found.setdefault(model, {})[kind] = each
        return found


_NOTHING: Final = Observed()
_NO_FORECAST: Final[tuple[None, None]] = (None, None)


def compute_interval(share: float, mass: float) -> tuple[float, float]:
    """Return the ends of the 80 % interval of a share that `mass` outcomes showed.

    It is Wilson's interval, which stays between 0 and 1 and contains the share.
    """
    square = SPREAD * SPREAD / mass
    centre = (share + square / 2) / (1 + square)
    radius = sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return max(0.0, min(share, centre - radius)), min(1.0, max(share, centre + radius))


def _compute_overall(
    outcomes: Mapping[tuple[str, str], Observed], qualities: QualityModel
) -> tuple[Mapping[str, float], float]:
    """Return the quality of each model over all kinds, and what choosing by kind gains."""
    weights: dict[str, float] = {}
    for (_, kind), each in outcomes.items():
        if each.judged > 0:
            weights[kind] = weights.get(kind, 0.0) + each.judged
    models = sorted({model for (model, _), each in outcomes.items() if each.judged > 0})
    if not models:
        return {}, 0.0
    total = sum(weights.values())
    overall = dict.fromkeys(models, 0.0)
    best = 0.0
    for kind, weight in weights.items():
        expected = {model: qualities.expect(model, kind) for model in models}
        for model, found in expected.items():
            overall[model] += weight * found.mean / total
        known = max(
            models,
            key=lambda model: compute_interval(expected[model].mean, expected[model].mass)[0],
        )
        best += weight * expected[known].mean / total
    gain = max(0.0, best - max(overall.values())) if len(weights) > 1 else 0.0
    return overall, gain


def _compute_cached_share(seen: Observed) -> float:
    """Return the share of prompts that was cached, less if little was measured."""
    if not seen.input_tokens or not seen.cached_tokens or seen.answered <= 0:
        return 0.0
    share = min(seen.cached_tokens / seen.input_tokens, 1.0)
    return share * seen.answered / (seen.answered + MASS)


def _shift(share: float, ease: float) -> float:
    """Return a share whose odds are easier by some log odds."""
    if ease == 0.0 or not 0.0 < share < 1.0:
        return share
    return 1 / (1 + exp(-(log(share / (1 - share)) + ease)))


def _to_seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
