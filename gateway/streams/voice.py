"""What one subtask has said so far, put together from three sources that overlap.

Live deltas come at once and may be lost; checkpoints come late and are whole; the output is final.
All count characters from the beginning of an attempt, so they can be laid over each other.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Kind = Literal["text", "reasoning"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MOST_PENDING: Final = 1_000
"""Deltas kept while the text before them is missing; a checkpoint or the output brings all."""


@dataclass(slots=True)
class Voice:
    """The text and the reasoning of the latest attempt."""

    attempt: int = 0
    text: str = ""
    reasoning: str = ""
    _pending: dict[tuple[Kind, int], str] = field(default_factory=dict)

    @property
    def has_gap(self) -> bool:
        """Whether something was heard whose beginning is missing."""
        return bool(self._pending)

    def said(self, kind: Kind) -> str:
        """Give what was said of this kind without a gap."""
        return self.text if kind == "text" else self.reasoning

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
            self.attempt, self.text, self.reasoning = attempt, "", ""
            self._pending.clear()
        return attempt < self.attempt

    def _append(self, kind: Kind, piece: str, *, offset: int) -> None:
        new = piece[max(0, len(self.said(kind)) - offset) :]
        if kind == "text":
            self.text += new
        else:
            self.reasoning += new

    def _settle(self, kind: Kind) -> None:
        for offset in sorted(start for each, start in self._pending if each == kind):
            if offset > len(self.said(kind)):
                return
            self._append(kind, self._pending.pop((kind, offset)), offset=offset)
