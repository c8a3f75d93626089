"""What one subtask has said so far, put together from three sources that overlap.

Live deltas come at once and may be lost; checkpoints come late and are whole; the output is final.
All count characters from the beginning of an attempt, so they can be laid over each other.
"""

from dataclasses import dataclass, field
from io import SEEK_END, StringIO
from typing import Final, Literal, get_args

Kind = Literal["text", "reasoning"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MOST_PENDING: Final = 1_000
"""Deltas kept while the text before them is missing; a checkpoint or the output brings all."""


def _silence() -> dict[Kind, StringIO]:
    return {kind: StringIO() for kind in KINDS}


@dataclass(slots=True)
class Voice:
    """The text and the reasoning of the latest attempt.

    Deltas are written behind each other in place: each costs as much as it is long, however long
    the text before it is.
    """

    attempt: int = 0
    _said: dict[Kind, StringIO] = field(default_factory=_silence)
    _pending: dict[tuple[Kind, int], str] = field(default_factory=dict)

    @property
    def has_gap(self) -> bool:
        """Whether something was heard whose beginning is missing."""
        return bool(self._pending)

    @property
    def has_spoken(self) -> bool:
        """Whether anything is known from its beginning."""
        return any(self._length(kind) for kind in KINDS)

    def said(self, kind: Kind, *, after: int = 0) -> str:
        """Return what was said of this kind behind `after` characters, up to the first gap."""
        said = self._said[kind]
        said.seek(after)
        return said.read()

    def hear(self, *, attempt: int, kind: Kind, offset: int, delta: str) -> None:
        """Take a live delta, in any order."""
        if self._is_late(attempt):
            return
        if len(self._pending) < MOST_PENDING:
            self._pending[kind, offset] = delta
        self._settle(kind)

    def read(self, *, attempt: int, text: str, reasoning: str) -> None:
        """Take a checkpoint or an output: everything up to some point."""
        if self._is_late(attempt):
            return
        for kind, whole in zip(KINDS, (text, reasoning), strict=True):
            self._append(kind, whole, offset=0)
            self._settle(kind)

    def _is_late(self, attempt: int) -> bool:
        if attempt > self.attempt:
            self.attempt, self._said = attempt, _silence()
            self._pending.clear()
        return attempt < self.attempt

    def _length(self, kind: Kind) -> int:
        return self._said[kind].seek(0, SEEK_END)

    def _append(self, kind: Kind, piece: str, *, offset: int) -> None:
        known = self._length(kind)  # and the end is where the next write goes
        self._said[kind].write(piece[max(0, known - offset) :])

    def _settle(self, kind: Kind) -> None:
        for offset in sorted(start for each, start in self._pending if each == kind):
            if offset > self._length(kind):
                return
            self._append(kind, self._pending.pop((kind, offset)), offset=offset)
