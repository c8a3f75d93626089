"""Recorded answers: the quality and the cost of several models at the same prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import isfinite, nan
from typing import NamedTuple

from cogo.errors import UsageError


class BadRecords(UsageError):
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
    answered: tuple[bool, ...] | None = None
    """Which models have answered it; None: all. Figures of others are 0 until `fill_gaps`."""

    def has_answer(self, model: int) -> bool:
        """Return whether a model has answered it."""
        return self.answered is None or self.answered[model]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Prompts that all models have answered, or each of them a part."""

    models: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    notes: tuple[str, ...] = ()
    """Sentences about what was left out or changed while reading."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in alphabetical order."""
        return tuple(sorted({each.category for each in self.prompts}))

    @property
    def has_gaps(self) -> bool:
        """Whether models have answered only a part of the prompts."""
        return any(each.answered is not None for each in self.prompts)

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


def fill_gaps(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Return the prompts with an answer of every model.

    A missing one is as good and as dear as the model's others to prompts of its category, else to
    all of these prompts; so it shows a model's mean, and nothing about one prompt.
    """
    if all(each.answered is None for each in prompts):
        return list(prompts)
    means: dict[tuple[str, str], list[float]] = {}
    for name in ("quality", "cost", "verified"):
        for category in ("", *{each.category for each in prompts}):
            among = [each for each in prompts if category in {"", each.category}]
            means[name, category] = [
                _average([_get(each, name)[m] for each in among if each.has_answer(m)])
                for m in range(len(prompts[0].quality))
            ]

    def fill(prompt: Prompt, name: str) -> tuple[float, ...]:
        usual = zip(means[name, prompt.category], means[name, ""], strict=True)
        filled = [here if isfinite(here) else anywhere for here, anywhere in usual]
        own = _get(prompt, name)
        return tuple(own[m] if prompt.has_answer(m) else filled[m] for m in range(len(own)))

    return [
        replace(
            each,
            quality=fill(each, "quality"),
            cost=fill(each, "cost"),
            verified=None if each.verified is None else fill(each, "verified"),
        )
        for each in prompts
    ]


def _get(prompt: Prompt, name: str) -> tuple[float, ...]:
    figures: tuple[float, ...] | None = getattr(prompt, name)
    return (0.0,) * len(prompt.quality) if figures is None else figures


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else nan
