"""How well a model does at tasks at which others failed: models fail at the same tasks.

Of the tasks of a kind, a part is as hard for every model: there a model is right wherever a weaker
one is. In the rest models fail independently. That one share says what each model is expected to do
after any others; what was seen of it after just these moves the expectation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agents.selection.evidence.checks import Acceptance
from agents.selection.evidence.observations import Observations
from agents.selection.model_profiles import UNKNOWN_MAKER

SHARED: Final = 0.4
"""The part of the tasks that is as hard for every model, until it is known better: as in records of
49 models at calls of functions (Berkeley Function Calling Leaderboard, August 2024)."""
SAME_MAKER: Final = 0.15
"""By how much of the rest it is larger for models of one maker."""
SHARED_WEIGHT: Final = 4.0
"""Weight of an expected share, in refused answers times the squared difference that it makes."""
RESCUE_WEIGHT: Final = 20.0
"""Weight of an expected rescue, in refused answers."""
QUALITY_WEIGHT: Final = 5.0
"""Weight of a model's overall quality, in judged answers of a kind."""

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
    """The tasks at which the check refused the answers of some models."""

    __slots__ = ("_failures", "_independent", "_makers", "_seen", "_tied", "acceptance", "ids")

    def __init__(self, failures: Failures, acceptance: Acceptance) -> None:
        self._failures = failures
        self.acceptance = acceptance
        self._independent = 1.0
        """The share of answers refused at tasks at which models fail independently."""
        self._tied: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 1.0),)
        """The other tasks by hardness: from, to, and the share of answers refused there."""
        self._makers: tuple[str, ...] = ()
        self._seen: Mapping[str, tuple[float, float]] | None = None
        self.ids: Refused = ()

    def expect(self, options: Iterable[Option]) -> list[float]:
        """Return for each model the share of these tasks that it is expected to do well."""
        if not self.ids:
            return [each.quality for each in options]
        seen, makers, tied = self._seen, self._makers, self._tied
        all_tied = sum([refused * (end - begin) for begin, end, refused in tied])
        shared = self._failures.shared
        weights = _weigh(shared, all_tied, self._independent)
        of_makers = _weigh(shared + SAME_MAKER * (1.0 - shared), all_tied, self._independent)
        found = []
        for model_id, maker, quality, _, _ in options:
            good_tied = 0.0
            for begin, end, refused in tied:
                if quality <= end:
                    good_tied += refused * (quality - begin)
                    break
                good_tied += refused * (end - begin)
            of_tied, of_others = of_makers if maker in makers else weights
            expected = of_tied * good_tied + of_others * quality
            if seen and model_id in seen:
                judged, good = seen[model_id]
                expected = (RESCUE_WEIGHT * expected + good) / (RESCUE_WEIGHT + judged)
            found.append(expected)
        return found

    def refuse(self, option: Option) -> "RemainingTasks":
        """Return those of the tasks at which this model's answer is refused too."""
        rest = RemainingTasks(self._failures, self.acceptance)
        quality = option.quality
        good, bad = 1.0 - self.acceptance.good, 1.0 - self.acceptance.bad
        tied = []
        for begin, end, refused in self._tied:
            if begin < quality:
                tied.append((begin, min(quality, end), refused * good))
            if end > quality:
                tied.append((max(quality, begin), end, refused * bad))
        rest._tied = tuple(tied)
        rest._independent = self._independent * (1.0 - self.acceptance.accept(quality))
        if option.maker != UNKNOWN_MAKER:
            rest._makers = (*self._makers, option.maker)
        rest.ids = tuple(sorted((*self.ids, option.model_id)))
        rest._seen = self._failures.rescues.get(rest.ids)
        return rest


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
        self._known: dict[tuple[str, Acceptance], Failures] = {}

    def get(self, kind: str, acceptance: Acceptance) -> Failures:
        """Return what is known of a kind of work, with a check that accepts so much."""
        key = (kind, acceptance)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._estimate(kind, acceptance)
        return known

    def _estimate(self, kind: str, acceptance: Acceptance) -> Failures:
        if not self._rescues:
            return NO_FAILURES
        everywhere = [self._sum(each, acceptance) for each in self._rescues]
        overall = _divide(SHARED, sum(e[0] for e in everywhere), sum(e[1] for e in everywhere))
        here = _divide(overall, *self._sum(kind, acceptance))
        return Failures(shared=here, rescues=self._rescues.get(kind, {}))

    def _sum(self, kind: str, acceptance: Acceptance) -> tuple[float, float]:
        """Return the sums of a linear fit of the share, over models that one other had failed.

        Several models after the same one count as one: they were asked at the same tasks.
        """
        above = below = 0.0
        independent, tied = Failures(shared=0.0), Failures(shared=1.0)
        for refused, by_model in self._rescues.get(kind, {}).items():
            if len(refused) > 1:
                continue
            first = self._qualities.build_option(refused[0], kind)
            options = [self._qualities.build_option(each, kind) for each in by_model]
            bases, tops = (
                RemainingTasks(each, acceptance).refuse(first).expect(options)
                for each in (independent, tied)
            )
            for (judged, good), base, top in zip(by_model.values(), bases, tops, strict=True):
                effect = top - base
                above += judged * (good / judged - base) * effect / len(by_model)
                below += judged * effect * effect / len(by_model)
        return above, below


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


def _weigh(shared: float, all_tied: float, independent: float) -> tuple[float, float]:
    """Return the weights of what a model does at the tied tasks, and at the others."""
    others = (1.0 - shared) * independent
    total = shared * all_tied + others
    return (shared / total, others / total) if total else (0.0, 1.0)


def _divide(expected: float, above: float, below: float) -> float:
    share = (SHARED_WEIGHT * expected + above) / (SHARED_WEIGHT + below)
    return min(max(share, 0.0), 1.0)
