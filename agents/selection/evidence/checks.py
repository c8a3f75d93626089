"""How often the check of an answer accepts good ones, and bad ones."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from agents.selection.evidence.observations import CheckAccuracy

CheckName = Literal["run", "written_tests", "schema", "form"]
"""As judgements name it: `run` runs the tests of the task, `written_tests` those of a model."""
PRIOR_WEIGHT: Final = 20.0
"""Weight of what is expected of a check, in good and in bad answers."""


class Acceptance(NamedTuple):
    """The shares of answers that a check accepts, from 0 to 1."""

    good: float
    bad: float

    def accept(self, quality: float) -> float:
        """Return the share that it accepts of answers of which this share is good."""
        return self.good * quality + self.bad * (1.0 - quality)

    def describe(self) -> str:
        """Return it for a reason."""
        return f"accepts {self.good * 100:.3g}% of good and {self.bad * 100:.3g}% of bad answers"


EXPECTED: Final[Mapping[CheckName, Acceptance]] = {
    "run": Acceptance(0.95, 0.10),
    "written_tests": Acceptance(0.90, 0.20),
    "schema": Acceptance(0.99, 0.85),
    "form": Acceptance(0.995, 0.95),
}
"""What is expected until answers were judged by something stronger than the check."""
LABELS: Final[Mapping[CheckName, str]] = {
    "run": "running the tests",
    "written_tests": "running tests that a model wrote",
    "schema": "the check against the schema",
    "form": "the check of the form",
}


def parse_check_name(name: object) -> CheckName | None:
    """Return the check of this name, None if there is none."""
    return next((each for each in EXPECTED if each == name), None)


def estimate_acceptance(check: CheckName, seen: CheckAccuracy | None) -> Acceptance:
    """Return what a check accepts, by what is expected of it and by what was seen."""
    expected = EXPECTED[check]
    if seen is None:
        return expected
    return Acceptance(
        _update(expected.good, seen.good_passed, seen.good),
        _update(expected.bad, seen.bad_passed, seen.bad),
    )


def _update(expected: float, passed: float, total: float) -> float:
    return (expected * PRIOR_WEIGHT + passed) / (PRIOR_WEIGHT + total)
