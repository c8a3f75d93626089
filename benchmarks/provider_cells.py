"""The cells of the benchmark `providers`, and how some of them are selected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["BASES", "CANCEL", "CLIENTS", "PEERS", "Cell", "UnknownName", "choose"]

PEERS: Final[Mapping[str, Sequence[str]]] = {
    "litellm": ("litellm==1.106.2",),
    "any_llm": ("any-llm-sdk[openai]==1.40.2",),
}
"""Clients with their own environments, and their pins."""
BASES: Final[Mapping[str, Sequence[str]]] = {
    "cogo_openai": ("openai_responses",),
    "cogo_chat": ("openai", "httpx", "litellm", "any_llm"),
    "cogo_anthropic": ("anthropic", "httpx"),
}
"""The peers that each of our clients is compared with, by the same API of the vendor."""
CLIENTS: Final = (*BASES, "httpx", "openai", "openai_responses", "anthropic", *PEERS)
CANCEL: Final = "cancel"
"""The name of the measurement that is not a cell: how soon a cancelled vendor is disconnected."""
_PLACES: Final = (
    ("whole", 1),
    ("stream", 1),
    ("whole", 50),
    ("stream", 50),
    ("open", 0),
    ("whole", 500),
    ("stream", 500),
)
"""The longest last, since these are skipped when time runs out."""


class UnknownName(ValueError):
    """Raised for an unknown client or cell; the message lists the known ones."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement. Concurrency is 0 if nothing is called."""

    client: str
    way: str
    """`open`: imports and a client; `whole`: a whole answer; `stream`: one in 100 chunks."""
    concurrency: int

    @property
    def place(self) -> str:
        """Return the name for `--cells`, the same for all clients."""
        return f"{self.way}/{self.concurrency}" if self.concurrency else self.way


_ALL: Final = tuple(Cell(client, way, many) for way, many in _PLACES for client in CLIENTS)


def choose(only: str | None, places: str | None, *, quick: bool) -> tuple[list[Cell], bool]:
    """Return the selected cells, and whether `cancel` is selected.

    Both lists are separated by commas; `stream` means `stream/1`, `stream/50` and `stream/500`.

    Raises:
        UnknownName: of a client or a cell.
    """
    clients = _named("client", only, CLIENTS)
    known = [*dict.fromkeys(cell.place for cell in _ALL), "whole", "stream", CANCEL]
    wanted = _named("cell", places, known)
    if quick and places is None:  # the ends of the range
        wanted -= {"whole", "stream", "whole/50", "stream/50"}
    cells = [
        cell
        for cell in _ALL
        if cell.client in clients and (cell.place in wanted or cell.way in wanted)
    ]
    asked_of_us = only is None or bool(clients & BASES.keys())
    return cells, CANCEL in wanted and asked_of_us


def _named(kind: str, asked: str | None, known: Sequence[str]) -> set[str]:
    if asked is None:
        return set(known)
    names = {name.strip() for name in asked.split(",")} - {""}
    if unknown := sorted(names - set(known)):
        raise UnknownName(f"unknown {kind}: {', '.join(unknown)}; known: {', '.join(known)}")
    return names
