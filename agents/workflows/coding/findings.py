"""Findings about code: validated data, and the same as text."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.workflows.engine import Result

Severity = Literal["critical", "high", "medium", "low"]
_ORDER: Final[Sequence[str]] = ("critical", "high", "medium", "low")
MAX_FINDINGS: Final = 100


class Finding(BaseModel):
    """One finding."""

    model_config = ConfigDict(extra="ignore")

    file: str | None = Field(default=None, max_length=1_000)
    line: int | None = Field(default=None, ge=1)
    severity: Severity
    what: str = Field(min_length=1, max_length=4_000)
    fix: str = Field(max_length=8_000)
    """What to write instead."""

    @property
    def place(self) -> str:
        """The place, as `a.py:7`."""
        line = f":{self.line}" if self.line is not None and self.file else ""
        return f"{self.file}{line}" if self.file else f"line {self.line}" if self.line else ""

    def to_text(self) -> str:
        """Return it as an entry of a list."""
        place = f" {self.place}" if self.place else ""
        fix = f"\n  Fix: {self.fix}" if self.fix.strip() else ""
        return f"- **{self.severity}**{place}: {self.what}{fix}"


class Findings(BaseModel):
    """What an analysis has found, the worst first."""

    model_config = ConfigDict(extra="ignore")

    summary: str = Field(min_length=1, max_length=8_000)
    findings: list[Finding] = Field(max_length=MAX_FINDINGS)

    def list_sorted(self) -> list[Finding]:
        """Return the findings, the worst first."""
        return sorted(self.findings, key=lambda each: _ORDER.index(each.severity))

    def to_text(self) -> str:
        """Return all as text for people."""
        listed = "\n".join(each.to_text() for each in self.list_sorted())
        return f"{self.summary}\n\n{listed or 'Nothing was found.'}\n"


class Bugs(Findings):
    """Findings of a search for bugs, with a test that shows the worst one."""

    test: str | None = Field(default=None, max_length=100_000)
    """A file of tests that fails because of the bug; null if no test can show it."""
    fixed_code: str | None = Field(default=None, max_length=500_000)
    """The complete corrected code."""


def build_findings_result(
    found: Findings,
    asked: Mapping[str, Any],
    *,
    more: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
) -> Result:
    """Return the result: text for people, `data` for programs, and who answered."""
    text = "\n".join([found.to_text(), *more])
    sorted_ = [each.model_dump() for each in found.list_sorted()]
    data = {"summary": found.summary, "findings": sorted_} | dict(details or {})
    kept = {name: value for name, value in asked.items() if name not in {"text", "data", "problem"}}
    return Result(text, output=kept | {"data": data})
