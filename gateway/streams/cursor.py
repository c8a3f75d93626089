"""A watcher's position in a task, as the `id` of a server-sent event.

`<seq>.<selections>` (with `.end` once the end was sent), then for each subtask with text
`;<subtask>:<attempt>:<text>:<reasoning>` with the numbers of characters sent, and after tool calls
`:<turn>:<text>:<reasoning>:<retractions>` with the numbers before this turn. Any gateway can
continue from it; tool calls are sent again. With child tasks `|<task>=<cursor>` follows for each.
"""

from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from protocol.json_values import parse_count
from protocol.transcript import ReadPosition

_END: Final = ".end"
_CHILD: Final = "|"
_MAX: Final = 10**15
_FIRST_TURN: Final = [1, 0, 0]


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
            counts = [position.attempt, position.text, position.reasoning]
            turn = [position.turn, position.text_start, position.reasoning_start]
            if turn != _FIRST_TURN or position.retractions:
                counts += [*turn, position.retractions]
            parts.append(":".join([subtask_id.hex, *map(str, counts)]))
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


@dataclass(slots=True)
class TreeCursor:
    """Position of a watcher of a task and of its child tasks."""

    root: Cursor = field(default_factory=Cursor)
    children: dict[UUID, Cursor] = field(default_factory=dict)
    """Those that the watcher knows; of those that have ended only this is kept."""

    def __str__(self) -> str:
        below = (f"{_CHILD}{key.hex}={each}" for key, each in self.children.items())
        return f"{self.root}{''.join(below)}"

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Parse the cursor of a task with or without children. Other text means the beginning."""
        root, *below = (text or "").strip().split(_CHILD)
        try:
            children = [each.partition("=")[::2] for each in below]
            known = {UUID(key): Cursor.parse(cursor) for key, cursor in children}
        except ValueError:
            return cls()
        return cls(Cursor.parse(root), known)


def _parse_position(part: str) -> tuple[UUID, ReadPosition]:
    subtask, *counts = part.split(":")
    attempt, text, reasoning, *rest = map(_parse_number, counts)
    turn, text_start, reasoning_start, retractions = rest or (*_FIRST_TURN, 0)
    position = ReadPosition(
        attempt=attempt,
        text=max(text, text_start),
        reasoning=max(reasoning, reasoning_start),
        turn=turn,
        text_start=text_start,
        reasoning_start=reasoning_start,
        retractions=retractions,
        first=turn,
    )
    return UUID(subtask), position


def _parse_number(text: str) -> int:
    count = parse_count(text, most=_MAX)
    if count is None:
        raise ValueError(text)
    return count
