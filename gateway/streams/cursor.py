"""A watcher's place in a task: what it has seen, as the `id` of a server-sent event.

`<seq>.<choices>` (and `.end` once the end was told), then for each subtask that spoke
`;<subtask>:<attempt>:<text>:<reasoning>` with the characters that were sent. It is all that is
needed to go on at any gateway.
"""

from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from protocol.json_values import parse_count

_END: Final = ".end"
_MOST: Final = 10**15


@dataclass(slots=True)
class Heard:
    """How much of one attempt a watcher has."""

    attempt: int = 0
    text: int = 0
    reasoning: int = 0


@dataclass(slots=True)
class Cursor:
    """Where a watcher is. The empty one stands before the beginning."""

    seq: int = 0
    choices: int = 0
    has_ended: bool = False
    """Whether the end was told; nothing follows then, unless the task is redriven."""
    heard: dict[UUID, Heard] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.seq}.{self.choices}{_END if self.has_ended else ''}"]
        for subtask_id, heard in self.heard.items():
            parts.append(f"{subtask_id.hex}:{heard.attempt}:{heard.text}:{heard.reasoning}")
        return ";".join(parts)

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a cursor, or the bare number of an event; what cannot be read is the beginning."""
        head, *rest = (text or "").strip().split(";")
        seq, _, choices = head.removesuffix(_END).partition(".")
        try:
            return cls(
                seq=_count(seq or "0"),
                choices=_count(choices or "0"),
                has_ended=head.endswith(_END),
                heard=dict(map(_heard, rest)),
            )
        except ValueError:
            return cls()


def _heard(part: str) -> tuple[UUID, Heard]:
    subtask, attempt, text, reasoning = part.split(":")
    return UUID(subtask), Heard(_count(attempt), _count(text), _count(reasoning))


def _count(text: str) -> int:
    count = parse_count(text, most=_MOST)
    if count is None:
        raise ValueError(text)
    return count
