"""A watcher's position in a task, as the `id` of a server-sent event.

`<seq>.<selections>` (with `.end` once the end was sent), then for each subtask with text
`;<subtask>:<attempt>:<text>:<reasoning>` with the numbers of characters sent. Any gateway can
continue from it.
"""

from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from protocol.json_values import parse_count
from protocol.transcript import ReadPosition

_END: Final = ".end"
_MAX: Final = 10**15


@dataclass(slots=True)
class Cursor:
    """Position of a watcher. The default is the beginning."""

    seq: int = 0
    selections: int = 0
    has_ended: bool = False
    """Whether the end was sent; nothing follows then, unless the task is redriven."""
    positions: dict[UUID, ReadPosition] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.seq}.{self.selections}{_END if self.has_ended else ''}"]
        for subtask_id, position in self.positions.items():
            counts = f"{position.attempt}:{position.text}:{position.reasoning}"
            parts.append(f"{subtask_id.hex}:{counts}")
        return ";".join(parts)

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Parse a cursor, or the bare number of an event. Other text means the beginning."""
        head, *rest = (text or "").strip().split(";")
        seq, _, selections = head.removesuffix(_END).partition(".")
        try:
            return cls(
                seq=_parse_number(seq or "0"),
                selections=_parse_number(selections or "0"),
                has_ended=head.endswith(_END),
                positions=dict(map(_parse_position, rest)),
            )
        except ValueError:
            return cls()


def _parse_position(part: str) -> tuple[UUID, ReadPosition]:
    subtask, attempt, text, reasoning = part.split(":")
    return UUID(subtask), ReadPosition(*map(_parse_number, (attempt, text, reasoning)))


def _parse_number(text: str) -> int:
    count = parse_count(text, most=_MAX)
    if count is None:
        raise ValueError(text)
    return count
