"""How well a model does at tasks at which others failed: models fail at the same tasks.

Tasks of a kind differ in hardness, which is distributed normally, and what a model does at one
depends in part on it and in part on chance (one common factor). That part, one share for a kind,
says what each model is expected to do after any others; what was seen of it after just these moves
the expectation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nlargest
from math import erfc, sqrt
from operator import mul
from statistics import NormalDist
from typing import Final, NamedTuple

from agents.selection.evidence.checks import Acceptance
from agents.selection.evidence.observations import Observations
from agents.selection.model_profiles import UNKNOWN_MAKER

SHARED: Final = 0.4
"""The part of the variance that is the task's hardness, until it is known better."""
SAME_MAKER: Final = 0.15
"""By how much of the rest it is larger for models of one maker."""
SHARED_WEIGHT: Final = 20.0
"""The inverse of the variance of that part among kinds of work."""
RESCUE_WEIGHT: Final = 20.0
"""Weight of an expected rescue, in refused answers."""
QUALITY_WEIGHT: Final = 5.0
"""Weight of a model's overall quality, in judged answers of a kind."""
STEPS: Final = 32
"""Steps of hardness, each of as many tasks."""
MAX_SHARED: Final = 0.99
KNOTS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Parts with which observations are compared; the best one is interpolated."""
MAX_REMEMBERED: Final = 40
"""Models of which is remembered what they do at remaining tasks."""
MAX_KINDS: Final = 400
"""Kinds of work and checks that are remembered: tasks may state any number of names."""
MAX_FIRST: Final = 12
"""Models that failed whose followers are compared, those with the most outcomes."""
MAX_NEXT: Final = 8
"""Followers of each."""
_VARIANCE: Final = 0.2
"""The usual variance of one outcome."""
_POINTS: Final = 2
"""Points of hardness of which the mean is a step."""
_NORMAL: Final = NormalDist()
_EVEN: Final = (1.0 / STEPS,) * STEPS
_NOTHING: Final = (0.0,) * STEPS
_HARDNESS: Final = tuple(
    _NORMAL.inv_cdf((n + 0.5) / (STEPS * _POINTS)) for n in range(STEPS * _POINTS)
)

Refused = tuple[str, ...]
Rescues = Mapping[Refused, Mapping[str, tuple[float, float]]]
"""The weights judged and good, by models that failed, in the order of ids, and by the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What is known of failures at one kind of work."""

    shared: float = SHARED
    rescues: Rescues = field(default_factory=dict)


NO_FAILURES: Final = Failures()


class Option(NamedTuple):
    """A model that can be asked, and what is expected of it at all tasks of a kind."""

    model_id: str
    maker: str
    quality: float
    cost_usd: float
    seconds: float


class RemainingTasks:
    """The tasks at which the check refused the answers of some models.

    What is expected of a model and what it leaves are remembered, since choices at one kind of
    work compare much the same plans.
    """

    __slots__ = (
        "_expected",
        "_failures",
        "_kept",
        "_left",
        "_makers",
        "_seen",
        "_weights",
        "acceptance",
        "ids",
    )

    def __init__(self, failures: Failures, acceptance: Acceptance) -> None:
        self._failures = failures
        self.acceptance = acceptance
        self._weights: tuple[float, ...] = _EVEN
        """The share of these tasks that is of each step of hardness."""
        self._makers: tuple[str, ...] = ()
        self._seen: Mapping[str, tuple[float, float]] = {}
        self._kept: tuple[float, ...] = _NOTHING
        """The same for those of them at which the best of the refused answers is good."""
        self._expected: dict[tuple[str, float], tuple[float, float]] = {}
        self._left: dict[tuple[str, float], RemainingTasks] = {}
        self.ids: Refused = ()

    @property
    def kept(self) -> float:
        """The share of these tasks at which the best of the refused answers is good."""
        return sum(self._kept)

    def expect(self, options: Iterable[Option]) -> list[float]:
        """Return for each model the share of these tasks that it is expected to do well."""
        return [good for good, _ in self.expect_best(options)]

    def expect_best(self, options: Iterable[Option]) -> list[tuple[float, float]]:
        """Return that, and what is good if the best answer counts where its own is refused."""
        known = self._expected
        found = []
        for each in options:
            key = each[0], each[2]
            expected = known.get(key)
            if expected is None:
                if len(known) >= MAX_REMEMBERED:
                    known.clear()
                expected = known[key] = self._expect(each)
            found.append(expected)
        return found

    def _expect(self, option: Option) -> tuple[float, float]:
        if not self.ids:
            return option.quality, option.quality
        shared = self._failures.shared
        if option.maker in self._makers:
            shared += SAME_MAKER * (1.0 - shared)
        steps = spread_quality(option.quality, shared)
        expected: float = sum(map(mul, self._weights, steps))
        judged, seen_good = self._seen.get(option.model_id, (0.0, 0.0))
        expected = (RESCUE_WEIGHT * expected + seen_good) / (RESCUE_WEIGHT + judged)
        good, bad = self.acceptance
        kept = (1.0 - bad) * self.kept - (good - bad) * sum(map(mul, self._kept, steps))
        return expected, good * expected + max((1.0 - good) * expected, kept)

    def doubt(self, option: Option) -> float:
        """Return the standard deviation of what is expected of a model after failures."""
        if not self.ids:
            return 0.0
        [expected] = self.expect([option])
        judged, _ = self._seen.get(option.model_id, (0.0, 0.0))
        return sqrt(expected * (1.0 - expected) / (RESCUE_WEIGHT + judged + 1.0))

    def refuse(self, option: Option) -> "RemainingTasks":
        """Return those of the tasks at which this model's answer is refused too."""
        key = option.model_id, option.quality
        rest = self._left.get(key)
        if rest is None:
            if len(self._left) >= MAX_REMEMBERED:
                self._left.clear()
            rest = self._left[key] = self._refuse(option)
        return rest

    def _refuse(self, option: Option) -> "RemainingTasks":
        rest = RemainingTasks(self._failures, self.acceptance)
        good, bad = self.acceptance
        steps = spread_quality(option.quality, self._failures.shared)
        refused = [1.0 - bad - (good - bad) * each for each in steps]
        total = sum(map(mul, self._weights, refused))
        if total > 0.0:
            shares = [each / total for each in refused]
            rest._weights = tuple(map(mul, self._weights, shares))
            kept = tuple(map(mul, self._kept, shares))
            lost = [(1.0 - good) / total * each for each in steps]
            rest._kept = max(kept, tuple(map(mul, self._weights, lost)), key=sum)
        rest._makers = self._makers
        if option.maker != UNKNOWN_MAKER:
            rest._makers = (*self._makers, option.maker)
        rest.ids = tuple(sorted((*self.ids, option.model_id)))
        rest._seen = self._failures.rescues.get(rest.ids, {})
        return rest


@lru_cache(maxsize=16_384)
def spread_quality(quality: float, shared: float) -> tuple[float, ...]:
    """Return the share of good answers by step of hardness, the easiest first.

    The mean is the quality. With a larger `shared` more depends on the hardness.
    """
    centre = _NORMAL.inv_cdf(min(max(quality, 0.001), 0.999))
    tied, scale = sqrt(shared), sqrt(2.0 * (1.0 - min(shared, MAX_SHARED)))
    points = [0.5 * erfc((tied * each - centre) / scale) for each in _HARDNESS]
    return tuple([sum(points[n : n + _POINTS]) / _POINTS for n in range(0, len(points), _POINTS)])


class FailureRecords:
    """What observations show of failures, by kind of work."""

    def __init__(self, observations: Observations) -> None:
        self._qualities = _Qualities(observations)
        self._rescues: dict[str, dict[Refused, dict[str, tuple[float, float]]]] = {}
        for (refused, model_id, kind), seen in observations.rescues.items():
            if seen.judged > 0 and refused:
                by_model = self._rescues.setdefault(kind, {}).setdefault(tuple(sorted(refused)), {})
                judged, good = by_model.get(model_id, (0.0, 0.0))
                by_model[model_id] = (judged + seen.judged, good + seen.good)
        self._errors: dict[tuple[str, Acceptance], Sequence[float]] = {}
        self._known: dict[tuple[str, Acceptance], Failures] = {}
        self._started: dict[tuple[str, Acceptance], RemainingTasks] = {}

    def start(self, kind: str, acceptance: Acceptance) -> RemainingTasks:
        """Return all tasks of a kind of work, with a check that accepts so much."""
        key = (kind, acceptance)
        tasks = self._started.get(key)
        if tasks is None:
            if len(self._started) >= MAX_KINDS:
                for each in (self._started, self._known, self._errors):
                    each.clear()
            tasks = self._started[key] = RemainingTasks(self.get(*key), acceptance)
        return tasks

    def get(self, kind: str, acceptance: Acceptance) -> Failures:
        """Return what is known of a kind of work, with a check that accepts so much."""
        if not self._rescues:
            return NO_FAILURES
        # The hundredth is enough, and most kinds have the same.
        key = (kind, Acceptance(round(acceptance.good, 2), round(acceptance.bad, 2)))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._estimate(*key)
        return known

    def _estimate(self, kind: str, acceptance: Acceptance) -> Failures:
        everywhere = [self._measure(each, acceptance) for each in self._rescues]
        overall = _fit(SHARED, [sum(each) for each in zip(*everywhere, strict=True)])
        here = _fit(overall, self._measure(kind, acceptance))
        return Failures(shared=here, rescues=self._rescues.get(kind, {}))

    def _measure(self, kind: str, acceptance: Acceptance) -> Sequence[float]:
        """Return the squared errors of what is expected after one failure, by `KNOTS`.

        Several models after the same one count as one: they were asked at the same tasks.
        """
        key = (kind, acceptance)
        if key in self._errors:
            return self._errors[key]
        errors = self._errors[key] = [0.0] * len(KNOTS)
        rescues = self._rescues.get(kind, {})
        singles = [(key[0], each) for key, each in sorted(rescues.items()) if len(key) == 1]
        for first, by_model in nlargest(MAX_FIRST, singles, key=_sum_judged):
            seen = nlargest(MAX_NEXT, sorted(by_model.items()), key=_get_judged)
            refused = self._qualities.build_option(first, kind)
            options = [self._qualities.build_option(each, kind) for each, _ in seen]
            for number, shared in enumerate(KNOTS):
                remaining = RemainingTasks(Failures(shared=shared), acceptance).refuse(refused)
                pairs = zip(seen, remaining.expect(options), strict=True)
                squares = [
                    judged * (good / judged - expected) ** 2
                    for (_, (judged, good)), expected in pairs
                ]
                errors[number] += sum(squares) / len(seen)
        return errors


class _Qualities:
    """The quality of models by kind, as they were observed."""

    def __init__(self, observations: Observations) -> None:
        self._outcomes = observations.outcomes
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for (model_id, _), seen in observations.outcomes.items():
            sums[model_id][0] += seen.judged
            sums[model_id][1] += seen.good
        self._overall = {
            id_: (0.5 * QUALITY_WEIGHT + good) / (QUALITY_WEIGHT + judged)
            for id_, (judged, good) in sums.items()
        }

    def build_option(self, model_id: str, kind: str) -> Option:
        quality = self._overall.get(model_id, 0.5)
        seen = self._outcomes.get((model_id, kind))
        if seen is not None:
            quality = (QUALITY_WEIGHT * quality + seen.good) / (QUALITY_WEIGHT + seen.judged)
        return Option(model_id, UNKNOWN_MAKER, quality, 0.0, 0.0)


def _get_judged(followed: tuple[str, tuple[float, float]]) -> float:
    return followed[1][0]


def _sum_judged(failed: tuple[str, Mapping[str, tuple[float, float]]]) -> float:
    return sum(judged for judged, _ in failed[1].values())


def _fit(expected: float, errors: Sequence[float]) -> float:
    """Return the share of the least squared errors, and least away from what is expected."""
    total = [
        error / _VARIANCE + SHARED_WEIGHT * (knot - expected) ** 2
        for knot, error in zip(KNOTS, errors, strict=True)
    ]
    place = min(max(total.index(min(total)), 1), len(KNOTS) - 2)
    (x0, x1, x2), (y0, y1, y2) = KNOTS[place - 1 : place + 2], total[place - 1 : place + 2]
    left, right = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    bend = (right - left) / (x2 - x0)
    if bend <= 0.0:
        return KNOTS[total.index(min(total))]
    return min(max((x0 + x1) / 2 - left / (2 * bend), 0.0), MAX_SHARED)
