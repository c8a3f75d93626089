"""Table of recorded answers: quality and cost by prompt and model."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256


class BadTable(Exception):
    """Raised if a file cannot be used; the message says what is missing and how to name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One prompt, with columns in the order of the table's models."""

    id: str
    category: str
    quality: tuple[float, ...]
    cost: tuple[float, ...]
    verified: tuple[float, ...] | None
    """Results of a check, 1 for accepted; None if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in which every model answered every prompt. Quality is 0 to 1, costs are dollars."""

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Sentences about what was left out or scaled."""

    @property
    def has_checks(self) -> bool:
        """Whether every answer was checked."""
        return all(row.verified is not None for row in self.rows)

    def split(self, *, seed: int, share: float) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return training and test rows, split by a hash of the prompt's id and the seed."""
        training: list[Row] = []
        test: list[Row] = []
        for row in self.rows:
            digest = sha256(f"{seed}:{row.id}".encode()).digest()
            is_training = int.from_bytes(digest[:8], "big") < share * 2**64
            (training if is_training else test).append(row)
        if not training or not test:
            raise BadTable(
                f"{len(self.rows)} complete prompts are too few to split; at least about 20 are "
                "needed for figures that mean anything."
            )
        return training, test
