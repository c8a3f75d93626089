"""Expected quality: what a model does at one kind of work, inferred from all that was observed.

A model has an overall ability, a kind a difficulty, and each pair of them a deviation (on the scale
of log odds). Abilities, difficulties and the sizes of deviations are estimated together, so little
evidence moves an expectation little, and the best of many models is not taken for better than it
is. Deviations are measured by the median, since a few models that fail at a kind say nothing about
how far the others differ.
"""

from collections.abc import Callable, Mapping
from math import exp, log
from statistics import median
from typing import Final, NamedTuple

from agents.selection.evidence.observations import Observed

BASE: Final = 0.7
"""The quality to expect when nothing was observed."""
KNOWN_EVIDENCE: Final = 10.0
"""Judgements from which on a model is known at a kind of work, if its interval is narrow enough."""
RATED_EVIDENCE: Final = KNOWN_EVIDENCE
"""The judgements that a figure of a leaderboard counts as: one figure makes a model known."""
_BASE_MASS: Final = 4.0
"""The outcomes that it counts as much as, which is also the most that a pair counts for it."""
_DEVIATION: Final = 0.05
"""The usual variance of a pair, as a share of that of a single answer: 1 in 20 outcomes."""
_PAIRS: Final = 8.0
"""How many pairs the usual deviation weighs as much as."""
_SPREAD: Final = 0.5
"""The usual variance of abilities and of difficulties, in squared log odds."""
_SPREAD_MASS: Final = 4.0
_FREEDOM: Final = 4.0
"""Degrees of freedom of Student's t for deviations: large ones are believed sooner."""
_ROUNDS: Final = 7
_MEASURED_AFTER: Final = (2, 4)
"""Rounds after which deviations are measured."""
_MEASURABLE: Final = 1.0
"""The least weight of judgements that shows how far a pair or a model deviates: one answer's."""
_MEDIAN_OF_CHI_SQUARE: Final = 0.455
_MIN_VARIANCE: Final = 0.02
_MAX_STEP: Final = 1.0
_MAX_ODDS: Final = 4.0


class Expected(NamedTuple):
    """A Beta distribution of a quality, and the evidence in it."""

    mean: float
    mass: float
    """Outcomes that would tell as much."""
    evidence: float
    """Judgements of the model; those of other kinds of work count in part."""


class _Cell(NamedTuple):
    model: str
    kind: str
    judged: float
    good: float


class QualityModel:
    """Abilities, difficulties and deviations, estimated from one snapshot of outcomes."""

    def __init__(
        self,
        outcomes: Mapping[tuple[str, str], Observed],
        *,
        ratings: Mapping[tuple[str, str], Observed],
        offsets: Mapping[str, float],
        guess_ability: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        """Take outcomes by (model, kind), and ratings by (model, leaderboard).

        `offsets` are the log odds by which kinds are expected to be easier than others,
        `guess_ability` returns those by which a model is expected to be better.
        """
        self._guess_ability = guess_ability
        seen = [
            _Cell(*key, each.judged, each.good) for key, each in outcomes.items() if each.judged > 0
        ]
        rated = [_Cell(*key, each.judged, each.good) for key, each in ratings.items()]
        self._cells = {(each.model, each.kind): each for each in seen}
        self._offsets = offsets
        self._odds = _compute_base(seen, offsets)
        self._kinds = {each.kind: offsets.get(each.kind, 0.0) for each in (*seen, *rated)}
        self._models = {each.model: guess_ability(each.model) for each in (*seen, *rated)}
        self._guesses = dict(self._models)
        self._deviations = dict.fromkeys(self._kinds, _DEVIATION)
        self._usual_deviation = _DEVIATION
        self._ability_spread = self._difficulty_spread = _SPREAD
        self._precision: dict[str, float] = {}
        self._evidence: dict[str, float] = {}
        cells = [*seen, *rated]
        for number in range(_ROUNDS if cells else 0):
            self._improve(cells)
            if number in _MEASURED_AFTER:
                self._measure(seen)
        for each in seen:
            weight = each.judged / (1 + each.judged * self._deviations[each.kind])
            self._evidence[each.model] = self._evidence.get(each.model, 0.0) + weight
        for each in rated:
            self._evidence[each.model] = self._evidence.get(each.model, 0.0) + RATED_EVIDENCE

    def expect(self, model: str, kind: str, *, guess: float | None = None) -> Expected:
        """Return the quality to expect of a model at a kind of work; both may be new.

        `guess` is the ability of a model of which nothing was observed.
        """
        ability, precision = self._models.get(model), self._precision.get(model)
        if ability is None or precision is None:
            ability = self._guess_ability(model) if guess is None else guess
            precision = 1 / self._ability_spread
        deviation = self._deviations.get(kind, self._usual_deviation)
        difficulty = self._kinds.get(kind)
        odds = self._odds + (self._offsets.get(kind, 0.0) if difficulty is None else difficulty)
        evidence = self._evidence.get(model, 0.0)
        cell = self._cells.get((model, kind))
        if cell is None:
            share = _to_share(odds + ability)
            variance = share * (1 - share)
            mass = _compute_mass(variance, deviation, precision)
            return Expected(share, mass, evidence)
        judged, mean = cell.judged, cell.good / cell.judged
        # The outcomes of the pair itself must not count twice: once as its prior.
        share = _to_share(odds + ability)
        variance = max(share * (1 - share), _MIN_VARIANCE)
        weight = judged * variance / (1 + judged * deviation)
        rest = max(precision - weight, 1 / self._ability_spread)
        told = ability + (mean - share) / variance
        without = (precision * ability - weight * told) / rest
        share = _to_share(odds + min(max(without, -_MAX_ODDS), _MAX_ODDS))
        variance = share * (1 - share)
        total = variance / judged + variance * deviation + variance * variance / rest
        surprise = (mean - share) ** 2 / total
        deviation *= max(1.0, (_FREEDOM + surprise) / (_FREEDOM + 1))
        mass = _compute_mass(variance, deviation, rest)
        own = judged / (1 + judged * self._deviations[kind])
        return Expected(
            (share * mass + cell.good) / (mass + judged), mass + judged, evidence - own + judged
        )

    def _improve(self, cells: list[_Cell]) -> None:
        """Move difficulties, then abilities, one Newton step towards the most likely ones."""
        base, kinds, models = self._odds, self._kinds, self._models
        slopes, bends = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0.0)
        parts = []
        for model, kind, judged, good in cells:
            share = 1 / (1 + exp(-(base + models[model] + kinds[kind])))
            weight = 1 / (1 + judged * self._deviations[kind])
            slope = weight * (good - judged * share)
            bend = weight * judged * max(share * (1 - share), _MIN_VARIANCE)
            parts.append((model, kind, slope, bend))
            slopes[kind] += slope
            bends[kind] += bend
        steps = {}
        for kind, value in kinds.items():
            pull = (value - self._offsets.get(kind, 0.0)) / self._difficulty_spread
            step = (slopes[kind] - pull) / (bends[kind] + 1 / self._difficulty_spread)
            steps[kind] = _clip(step)
            kinds[kind] = value + steps[kind]
        slopes, bends = dict.fromkeys(models, 0.0), dict.fromkeys(models, 0.0)
        for model, kind, slope, bend in parts:
            slopes[model] += slope - bend * steps[kind]
            bends[model] += bend
        for model, value in models.items():
            precision = bends[model] + 1 / self._ability_spread
            pull = (value - self._guesses[model]) / self._ability_spread
            step = (slopes[model] - pull) / precision
            models[model] = value + _clip(step)
            self._precision[model] = precision

    def _measure(self, seen: list[_Cell]) -> None:
        """Measure how far pairs deviate, by kind, and how far models and kinds differ.

        Ratings are no answers, so how little they scatter says nothing. Nor does a pair of which
        less than one answer was judged: it is near its expectation since nothing moves it.
        """
        found: dict[str, list[tuple[float, float]]] = {each.kind: [] for each in seen}
        seen = [each for each in seen if each.judged >= _MEASURABLE]
        for model, kind, judged, good in seen:
            share = 1 / (1 + exp(-(self._odds + self._models[model] + self._kinds[kind])))
            variance = max(share * (1 - share), _MIN_VARIANCE)
            found[kind].append((judged * (good / judged - share) ** 2 / variance, judged))
        every = [each for pairs in found.values() for each in pairs]
        self._usual_deviation = _compute_deviation(every, _DEVIATION)
        for kind, pairs in found.items():
            self._deviations[kind] = _compute_deviation(pairs, self._usual_deviation)
        abilities = {
            each.model: self._models[each.model] - self._guesses[each.model] for each in seen
        }
        self._ability_spread = _compute_spread(list(abilities.values()))
        self._difficulty_spread = _compute_spread(
            [self._kinds[kind] - self._offsets.get(kind, 0.0) for kind in found if found[kind]]
        )


def _compute_base(cells: list[_Cell], offsets: Mapping[str, float]) -> float:
    """Return the log odds of a good answer at work without an offset."""
    judged = good = shift = 0.0
    for each in cells:
        counted = min(each.judged, _BASE_MASS)
        judged += counted
        good += counted * each.good / each.judged
        shift += counted * offsets.get(each.kind, 0.0)
    share = (good + BASE * _BASE_MASS) / (judged + _BASE_MASS)
    return log(share / (1 - share)) - shift / (judged + _BASE_MASS)


def _compute_deviation(pairs: list[tuple[float, float]], usual: float) -> float:
    """Return the variance of deviations; `pairs` are squared residuals and their outcomes."""
    if not pairs:
        return usual
    outcomes = sum(judged for _, judged in pairs) / len(pairs)
    excess = max(median(square for square, _ in pairs) / _MEDIAN_OF_CHI_SQUARE - 1, 0.0)
    found = (len(pairs) * excess / outcomes + _PAIRS * usual) / (len(pairs) + _PAIRS)
    return min(max(found, 0.001), 1.0)


def _compute_spread(values: list[float]) -> float:
    squares = sum(each * each for each in values)
    return (squares + _SPREAD_MASS * _SPREAD) / (len(values) + _SPREAD_MASS)


def _compute_mass(variance: float, deviation: float, precision: float) -> float:
    """Return the outcomes that tell as much as an ability and a deviation of this variance."""
    total = variance * deviation / (1 + deviation) + variance * variance / precision
    return max(variance / total - 1, 0.5)


def _to_share(odds: float) -> float:
    return min(max(1 / (1 + exp(-odds)), 0.005), 0.995)


def _clip(step: float) -> float:
    return min(max(step, -_MAX_STEP), _MAX_STEP)
