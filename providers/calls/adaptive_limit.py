"""How many calls a deployment takes at once: learned from its answers, bounded by the catalogue.

Additive increase, multiplicative decrease: a 429, an overload or a first token that takes three
times as long as it used to halves (or shrinks) the room; every answer in time adds a little.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["Room"]

_HALF: Final = 0.5
_SHRINK: Final = 0.9
_SLOW: Final = 3.0
_RECENT: Final = 0.3
_USUAL: Final = 0.03
_ENOUGH: Final = 10
"""Answers before latency means anything."""


@dataclass(slots=True)
class Room:
    """The room at one deployment. Times are seconds of one clock."""

    maximum: int
    limit: float = 0.0
    """Calls at once; grows by fractions."""
    running: int = 0
    recent: float | None = None
    """Seconds to the first token, as a moving average of the last few calls."""
    usual: float | None = None
    """The same over many calls."""
    _answers: int = 0
    _cut_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.limit = self.limit or float(self.maximum)

    @property
    def is_full(self) -> bool:
        """Whether the next call has to wait."""
        return self.running >= int(self.limit)

    @property
    def busy(self) -> float:
        """The share that is taken, from 0 on."""
        return self.running / self.limit

    def answered(self, first_token: float | None, *, began: float, now: float) -> None:
        """A call that began at `began` was answered, `first_token` seconds after it was sent."""
        self._answers += 1
        if first_token is not None:
            self.recent = _average(self.recent, first_token, _RECENT)
            self.usual = _average(self.usual, first_token, _USUAL)
            if self._answers > _ENOUGH and self.recent > _SLOW * self.usual:
                self._cut(_SHRINK, began=began, now=now)
                return
        self.limit = min(self.limit + 1 / self.limit, float(self.maximum))

    def pushed_back(self, *, began: float, now: float) -> None:
        """The vendor said that it was too much."""
        self._cut(_HALF, began=began, now=now)

    def _cut(self, factor: float, *, began: float, now: float) -> None:
        """Cut once for all calls that were under way together: they tell the same news."""
        if began < self._cut_at:
            return
        self._cut_at = now
        self.limit = max(1.0, self.limit * factor)


def _average(old: float | None, new: float, weight: float) -> float:
    return new if old is None else old + weight * (new - old)
