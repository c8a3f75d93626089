"""Recorded answers: the quality and the cost of several models at the same prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cogo.errors import CommandError


class BadRecords(CommandError):
    """A file of recorded answers cannot be used; the message says what to change in it."""


class Point(NamedTuple):
    """A mean over prompts: dollars a prompt, and quality from 0 to 1."""

    cost: float
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt with the answers to it, in the order of the models."""

    id: str
    category: str
    """What kind of work it is."""
    quality: tuple[float, ...]
    """From 0 to 1."""
    cost: tuple[float, ...]
    """In dollars."""
    verified: tuple[float, ...] | None = None
    """What a check said, 1 for accepted; None if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Prompts that all models have answered."""

    models: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    notes: tuple[str, ...] = ()
    """Sentences about what was left out or changed while reading."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in alphabetical order."""
        return tuple(sorted({each.category for each in self.prompts}))

    @property
    def has_checks(self) -> bool:
        """Whether a check has seen every answer."""
        return all(each.verified is not None for each in self.prompts)

    def split(self, *, seed: int, share: float) -> tuple[Sequence[Prompt], Sequence[Prompt]]:
        """Return prompts to learn from and prompts to judge by.

        The side of a prompt depends on its id and the seed only. Raises BadRecords if a side is
        empty.
        """
        learned: list[tuple[bytes, Prompt]] = []
        judged: list[Prompt] = []
        for prompt in self.prompts:
            digest = sha256(f"{seed}:{prompt.id}".encode()).digest()
            if int.from_bytes(digest[:8], "big") < share * 2**64:
                learned.append((digest, prompt))
            else:
                judged.append(prompt)
        if not learned or not judged:
            raise BadRecords(
                f"{len(self.prompts)} complete prompts are too few to split; figures mean "
                "something from about 20 on"
            )
        learned.sort(key=lambda each: each[0][8:])
        return [prompt for _, prompt in learned], judged
