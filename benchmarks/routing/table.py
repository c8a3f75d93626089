"""A table of recorded answers: who answered which prompt how well, and for how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256


class BadTable(Exception):
    """The file is no such table; the message says what is missing and how to name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One prompt; the columns are in the order of the table's models."""

    id: str
    category: str
    quality: tuple[float, ...]
    cost: tuple[float, ...]
    verified: tuple[float, ...] | None
    """How a check judged each answer, 1 for accepted; None: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Complete: every model answered every prompt. Qualities are from 0 to 1, costs in dollars."""

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What had to be left out or scaled, as sentences."""

    @property
    def has_checks(self) -> bool:
        """Whether a check judged every answer."""
        return all(row.verified is not None for row in self.rows)

    def split(self, *, seed: int, share: float) -> tuple[Sequence[Row], Sequence[Row]]:
        """Give training and test rows, told apart by a hash of the prompt's id and the seed."""
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
