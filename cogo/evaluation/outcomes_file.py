"""Outcomes that are kept while an evaluation runs, so that an interrupted one goes on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from cogo.errors import CommandError
from cogo.evaluation.dataset import CodingProblem, Recordings
from cogo.evaluation.evaluate import Configuration, ProblemOutcome

_OUTCOME: Final = TypeAdapter(ProblemOutcome)


class OutcomesFile:
    """One line of JSON an outcome."""

    def __init__(self, path: Path) -> None:
        """Open the file, which need not exist. Raises CommandError."""
        self.path = path
        self.found: dict[tuple[str, str], ProblemOutcome] = {}
        """Outcomes by configuration and problem."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        for line in lines:
            self._take(line)

    def add(self, configuration: Configuration, outcome: ProblemOutcome) -> None:
        """Append an outcome."""
        self.found[configuration.name, outcome.problem] = outcome
        line = json.dumps({"configuration": configuration.name, "outcome": asdict(outcome)})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def clear(self) -> None:
        """Forget all outcomes."""
        self.found.clear()
        self.path.unlink(missing_ok=True)

    def list_outcomes(
        self, configuration: Configuration, problems: Sequence[CodingProblem]
    ) -> list[ProblemOutcome]:
        """Return the outcomes of a configuration, in the order of the problems."""
        return [self.found[configuration.name, each.id] for each in problems]

    def _take(self, line: str) -> None:
        try:
            kept = json.loads(line)
            outcome = _OUTCOME.validate_python(kept["outcome"])
            self.found[str(kept["configuration"]), outcome.problem] = outcome
        except (ValueError, KeyError, TypeError, ValidationError):
            return  # the line that was being written when the process was killed


def compute_version(folder: Path) -> str:
    """Return a hash of all Python files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def name_outcomes(
    problems: list[CodingProblem],
    recordings: Recordings,
    prices: Mapping[str, object],
    *,
    version: str,
) -> str:
    """Return a file name that differs whenever outcomes could; `version` is that of the code."""
    parts: list[object] = [version, {name: str(price) for name, price in prices.items()}]
    parts += [asdict(each) for each in problems]
    text = json.dumps([*parts, recordings], default=dict, sort_keys=True)
    return f"humaneval-{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
