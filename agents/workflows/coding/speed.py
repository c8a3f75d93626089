"""Two versions of a program: files for a timing run, and what the run has shown. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agents.extraction.answer import extract_code
from agents.sandbox.report import Report

MIN_SPEEDUP: Final = 1.05
"""Less than this is no gain that anybody would notice."""
NOISES: Final = 2.0
"""How far apart the medians must be, in units of their noise."""
LIMITS: Final = {"wall_seconds": 100, "cpu_seconds": 100}
_PROGRAM: Final = (Path(__file__).parent / "timing_program.py").read_text("utf-8")


def _remove_fence(text: str) -> str:
    return extract_code(text, language="python").code


_Code = Annotated[str, AfterValidator(_remove_fence)]


class Proof(BaseModel):
    """What a model writes to compare two versions."""

    model_config = ConfigDict(extra="ignore")

    tests: _Code = Field(max_length=100_000)
    """A file of tests that the original passes."""
    workload: _Code = Field(max_length=50_000)
    """Code that defines `workload()`."""


class _Version(BaseModel):
    median: float = Field(gt=0)
    noise: float = Field(ge=0)


class _Measurement(BaseModel):
    original: _Version
    candidate: _Version
    rounds: int
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a timing run has shown."""

    measured: _Measurement | None = None
    problem: str | None = None
    """Why nothing was measured, as the end of a sentence."""

    @property
    def speedup(self) -> float | None:
        """How many times faster the candidate is."""
        if self.measured is None:
            return None
        return self.measured.original.median / self.measured.candidate.median

    @property
    def is_equal(self) -> bool | None:
        """Whether both gave the same result for the workload."""
        return None if self.measured is None else self.measured.equal

    @property
    def is_faster(self) -> bool:
        """Whether it is faster beyond noise, with the same result."""
        if self.measured is None or not self.measured.equal:
            return False
        before, after = self.measured.original, self.measured.candidate
        gain = before.median - after.median
        return gain > NOISES * (before.noise + after.noise) and (
            before.median / after.median >= MIN_SPEEDUP
        )

    @property
    def score(self) -> float | None:
        """How good the candidate is, from 0 to 1: some programs cannot be made faster."""
        if self.measured is None:
            return None
        return float(self.is_faster) if self.is_faster or not self.is_equal else 0.3

    def to_sentence(self) -> str:
        """Return what it shows, as a sentence."""
        if self.measured is None or self.speedup is None:
            return f"The speed was not measured: {self.problem}."
        before, after = self.measured.original, self.measured.candidate
        figures = (
            f"{_format(before.median)} before (noise {_format(before.noise)}), "
            f"{_format(after.median)} after (noise {_format(after.noise)}), "
            f"medians of {self.measured.rounds} rounds in turns"
        )
        if not self.measured.equal:
            return f"The result is not the same, so the original stays: {figures}."
        if self.is_faster:
            return f"It is {self.speedup:.1f} times as fast: {figures}."
        return f"It is not faster beyond noise: {figures}."

    def to_json(self) -> dict[str, Any]:
        """Return it as results record it."""
        return {
            "is_faster": None if self.measured is None else self.is_faster,
            "is_equal": self.is_equal,
            "speedup": None if self.speedup is None else round(self.speedup, 3),
            "measured": None if self.measured is None else self.measured.model_dump(),
            "sentence": self.to_sentence(),
        }


def build_timing_files(
    original: Mapping[str, str], candidate: Mapping[str, str], workload: str
) -> dict[str, str]:
    """Return the files of a timing run."""
    return {
        **{f"original/{path}": text for path, text in original.items()},
        **{f"candidate/{path}": text for path, text in candidate.items()},
        "workload.py": workload,
        "timing.py": _PROGRAM,
    }


def build_timing_command(main_file: str) -> str:
    """Return the command of a timing run."""
    parts = PurePosixPath(main_file).with_suffix("").parts
    names = parts[1:] if len(parts) > 1 and parts[0] == "src" else parts
    return f"python timing.py {'.'.join(names)}"


def read_timing(report: Report) -> Timing:
    """Return what a timing run has printed in its last line."""
    if not report.passed:
        return Timing(problem=report.summary)
    lines = report.output.strip().splitlines()
    try:
        return Timing(measured=_Measurement.model_validate(json.loads(lines[-1])))
    except (ValueError, IndexError, ValidationError, RecursionError):
        return Timing(problem="the run has printed no measurement")


def _format(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns" if seconds else "0"
