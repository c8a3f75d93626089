"""The policies on recorded answers, with the real selection code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

from agents.selection.candidates import Candidate
from agents.selection.evidence.estimates import Forecaster
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.evidence.score import Weights
from agents.selection.model_profiles import ModelProfile
from agents.selection.policies.explore import Explore
from agents.selection.policies.scored import Scored
from agents.selection.policy import Policy, PolicyInput
from agents.selection.preferences import Preference, Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from benchmarks.routing.curve import Point
from benchmarks.routing.learning import observed
from benchmarks.routing.table import Row

FOLDS = 5
QUALITY_WEIGHTS = (0.0, 0.2, 0.35, 0.5, 0.6, 0.7, 0.78, 0.85, 0.9, 0.94, 0.97, 0.99, 1.0)
SURE = 0.5
"""Standard errors by which held-out rows must support a change."""
BATCH = 50
"""Outcomes after which `explore` gets new knowledge."""

Chooser = Callable[[str], str]
"""The chosen model by category."""


@dataclass(frozen=True)
class Field:
    """The models and their observations."""

    models: tuple[str, ...]
    observations: Observations
    default: str
    """The best single model on the training rows."""
    by_category: bool

    @cached_property
    def _forecaster(self) -> Forecaster:
        return Forecaster(self.observations)

    def case(
        self,
        category: str,
        *,
        weights: Weights | None = None,
        preference: Preference = Preference.BALANCED,
        seed: str = "",
    ) -> PolicyInput:
        """Return the policy input of one prompt: models with outcomes only."""
        needs = Requirements(task_type=category if self.by_category else "all")
        profiles = [ModelProfile(model_id=each, provider=each) for each in sorted(self.models)]
        estimates = self._forecaster.estimate(profiles, needs, 0, 0)
        return PolicyInput(
            request=SelectionRequest(
                needs=needs, preferences=Preferences(preference=preference), seed=seed
            ),
            candidates={
                profile.model_id: Candidate(profile, estimate)
                for profile, estimate in zip(profiles, estimates, strict=True)
            },
            roles={"default": (self.default,)},
            observations=self.observations,
            weights=weights,
        )

    def chooser(self, policy: Policy, weights: Weights | None = None) -> Chooser:
        """Run a policy once per category."""
        known: dict[str, str] = {}

        def choose(category: str) -> str:
            if category not in known:
                known[category] = policy.pick(self.case(category, weights=weights)).order[0]
            return known[category]

        return choose


def field_of(models: tuple[str, ...], rows: Sequence[Row], *, by_category: bool) -> Field:
    """Build from training rows."""
    return Field(
        models=models,
        observations=observed(models, rows, by_category=by_category),
        default=models[best_single(rows)],
        by_category=by_category,
    )


def best_single(rows: Sequence[Row]) -> int:
    """Return the model with the best mean quality, the cheapest of equals."""
    singles = points_of_singles(rows)
    return max(range(len(singles)), key=lambda m: (singles[m].quality, -singles[m].cost))


def points_of_singles(rows: Sequence[Row]) -> list[Point]:
    """Return the mean of each model alone."""
    count = len(rows)
    return [
        Point(sum(row.cost[m] for row in rows) / count, sum(row.quality[m] for row in rows) / count)
        for m in range(len(rows[0].quality))
    ]


def measured(models: tuple[str, ...], rows: Sequence[Row], choose: Chooser) -> Point:
    """Return the cost and quality of a choice on rows."""
    index = {model: number for number, model in enumerate(models)}
    taken = [(row, index[choose(row.category)]) for row in rows]
    return Point(
        sum(row.cost[m] for row, m in taken) / len(rows),
        sum(row.quality[m] for row, m in taken) / len(rows),
    )


def weighing(quality: float) -> Weights:
    """Return weights of quality and cost only, since recorded answers have no times."""
    return Weights(quality=quality, cost=1 - quality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The setting of the policy `scored` chosen on the training rows."""

    quality_weight: float | None
    """None: declined, the best single model answers everything."""
    by_category: bool = True

    @property
    def label(self) -> str:
        """Return the text for the report."""
        if self.quality_weight is None:
            return "declined: best single"
        kind = "per category" if self.by_category else "overall"
        return f"quality weight {self.quality_weight:g}, {kind}"


def tuned(models: tuple[str, ...], rows: Sequence[Row], *, tolerance: float = 0.0) -> Setting:
    """Choose the cheapest setting that held-out training rows support, or none.

    A setting is supported if its quality is not below that of the best single model (less
    `tolerance`) and its cost is lower, both by `SURE` standard errors of the paired differences.
    """
    gains: dict[Setting, list[tuple[float, float]]] = {}
    for fold in range(FOLDS):
        training = [row for number, row in enumerate(rows) if number % FOLDS != fold]
        held_out = [row for number, row in enumerate(rows) if number % FOLDS == fold]
        if not training or not held_out:
            return Setting(quality_weight=None)
        single = best_single(training)
        for by_category in (True, False):
            field = field_of(models, training, by_category=by_category)
            for weight in QUALITY_WEIGHTS:
                choose = field.chooser(Scored(), weighing(weight))
                setting = Setting(quality_weight=weight, by_category=by_category)
                gains.setdefault(setting, []).extend(_against(single, models, held_out, choose))
    supported: list[tuple[float, int, Setting]] = []
    for rank, (setting, pairs) in enumerate(gains.items()):
        quality, quality_error = mean_and_error([pair[0] for pair in pairs])
        cost, cost_error = mean_and_error([pair[1] for pair in pairs])
        keeps = quality + tolerance >= SURE * quality_error
        if keeps and cost + SURE * cost_error < 0:
            supported.append((cost, rank, setting))
    return min(supported)[2] if supported else Setting(quality_weight=None)


def chooser_of(setting: Setting, models: tuple[str, ...], rows: Sequence[Row]) -> Chooser:
    """Return the choices of a setting trained on all training rows."""
    field = field_of(models, rows, by_category=setting.by_category)
    if setting.quality_weight is None:
        return lambda _: field.default
    return field.chooser(Scored(), weighing(setting.quality_weight))


def explored(
    models: tuple[str, ...], rows: Sequence[Row], preference: Preference
) -> tuple[Field, Point]:
    """Run `explore` over rows, learning only from the answers that it requested.

    Return its knowledge at the end, and the cost and quality on the way.
    """
    index = {model: number for number, model in enumerate(models)}
    sums: dict[tuple[str, str], tuple[int, float, float]] = {}
    default = models[best_single(rows[:BATCH])]
    field = Field(models, Observations(), default, by_category=True)
    cost = quality = 0.0
    for number, row in enumerate(rows):
        if number % BATCH == 0:
            field = Field(models, _counted(sums), default, by_category=True)
        case = field.case(row.category, preference=preference, seed=row.id)
        model = Explore().pick(case).order[0]
        m = index[model]
        n, good, spent = sums.get((model, row.category), (0, 0.0, 0.0))
        sums[model, row.category] = (n + 1, good + row.quality[m], spent + row.cost[m])
        cost += row.cost[m]
        quality += row.quality[m]
    field = Field(models, _counted(sums), default, by_category=True)
    return field, Point(cost / len(rows), quality / len(rows))


def _counted(sums: dict[tuple[str, str], tuple[int, float, float]]) -> Observations:
    return Observations(
        outcomes={
            key: Observed(judged=n, good=good, answered=n, cost_usd=spent / n)
            for key, (n, good, spent) in sums.items()
        }
    )


def _against(
    single: int, models: tuple[str, ...], rows: Sequence[Row], choose: Chooser
) -> list[tuple[float, float]]:
    index = {model: number for number, model in enumerate(models)}
    picked = [(row, index[choose(row.category)]) for row in rows]
    return [
        (row.quality[m] - row.quality[single], row.cost[m] - row.cost[single]) for row, m in picked
    ]


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error."""
    count = len(values)
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / max(count - 1, 1)
    return mean, sqrt(variance / count)
