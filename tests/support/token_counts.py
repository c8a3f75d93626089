"""Token counts of a call whose vendor reported all of them."""

from typing import NamedTuple

from providers.chat import TokenUsage


class Counts(NamedTuple):
    """The parts of a usage, all known."""

    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int

    @property
    def prompt(self) -> int:
        """All tokens of the prompt."""
        return self.input + self.cached + self.cache_write


def counts_of(usage: TokenUsage | None) -> Counts:
    """Return the parts of a usage, all of which must be known."""
    assert usage is not None
    parts = (usage.input, usage.cached, usage.cache_write, usage.output, usage.reasoning)
    known = [each for each in parts if each is not None]
    assert len(known) == len(parts), usage
    return Counts(*known)
