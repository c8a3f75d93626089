"""Expected tokens and times: a guess, corrected by what was measured of the model and the kind."""

from collections.abc import Mapping
from math import exp, log
from typing import Final

MASS: Final = 5.0
"""Measured answers that weigh as much as a guess."""
CAP: Final = 50.0
"""Maximum measured answers of a pair that count for other pairs."""
_MAX_LOG: Final = 4.0


class MeanModel:
    """Means by model and kind of work: a guess times a factor of each, and what was measured.

    A model that is wordy at one kind is expected to be so at others. Means rise and fall.
    """

    def __init__(
        self, measured: Mapping[tuple[str, str], tuple[float, float]], guesses: Mapping[str, float]
    ) -> None:
        """Take (mean, answers) by (model, kind), and the guess for each of these kinds."""
        self._measured = measured
        ratios = {
            key: _clip(log(mean / guesses[key[1]]))
            for key, (mean, _) in measured.items()
            if mean > 0
        }
        kinds: dict[str, tuple[float, float]] = {}
        for key, ratio in ratios.items():
            _add(kinds, key[1], ratio, measured[key][1])
        self._kinds = {kind: total / (weight + MASS) for kind, (total, weight) in kinds.items()}
        self._models: dict[str, tuple[float, float]] = {}
        for key, ratio in ratios.items():
            _add(self._models, key[0], ratio - self._kinds[key[1]], measured[key][1])

    def expect(self, model: str, kind: str, guess: float, *, factor: float = 1.0) -> float:
        """Return the mean to expect; the model alone is guessed to need `factor` times `guess`."""
        total, weight = self._models.get(model, (0.0, 0.0))
        own = (total + MASS * log(factor)) / (weight + MASS)
        expected = guess * exp(_clip(self._kinds.get(kind, 0.0) + own))
        mean, answers = self._measured.get((model, kind), (0.0, 0.0))
        return (expected * MASS + mean * answers) / (MASS + answers)


def _add(sums: dict[str, tuple[float, float]], key: str, ratio: float, answers: float) -> None:
    total, weight = sums.get(key, (0.0, 0.0))
    counted = min(answers, CAP)
    sums[key] = (total + ratio * counted, weight + counted)


def _clip(value: float) -> float:
    return min(max(value, -_MAX_LOG), _MAX_LOG)
