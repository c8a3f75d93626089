"""The plan of COORDINATE: what a model proposes, and the same in an order that can be done."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.extraction.languages import build_file_name
from agents.extraction.paths import check_file_path
from agents.workflows.planning.waves import find_circle, list_waves

MAX_PIECES: Final = 8
MAX_PATH: Final = 200
MAX_NAME: Final = 60
_NOT_OF_A_NAME: Final = re.compile(r"[^a-z0-9]+")


class PlannedPiece(BaseModel):
    """One part of the work."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    instruction: str = Field(min_length=1, max_length=20_000)
    interface: str = Field(max_length=20_000)
    """What other parts may rely on: names, arguments and results, or what a text contains."""
    acceptance: str = Field(max_length=20_000)
    needs: list[str] = Field(max_length=100)
    kind: Literal["text", "code"]
    """`code` is run before it is used."""
    file: str | None = Field(max_length=1_000)
    """The path of the program."""


class Blueprint(BaseModel):
    """The whole work: how it hangs together, and its parts."""

    model_config = ConfigDict(extra="forbid")

    approach: str = Field(max_length=20_000)
    parts: list[PlannedPiece] = Field(min_length=1, max_length=100)

    def to_text(self) -> str:
        """Return it for people, and for models that review."""
        listed = "\n".join(
            f"{number}. **{each.name}** ({each.kind}): {each.instruction}"
            for number, each in enumerate(self.parts, start=1)
        )
        return f"{self.approach}\n\n{listed}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangedPlan:
    """A blueprint that can be carried out: names are keys, needs exist, files differ."""

    approach: str
    pieces: dict[str, PlannedPiece]
    waves: list[list[str]]
    notes: list[str] = field(default_factory=list)

    @property
    def needs(self) -> dict[str, list[str]]:
        """The pieces on which each builds directly."""
        return {name: each.needs for name, each in self.pieces.items()}

    @property
    def owners(self) -> dict[str, str]:
        """The piece of each planned file."""
        return {each.file: name for name, each in self.pieces.items() if each.file}


def arrange_pieces(blueprint: Blueprint, language: str) -> ArrangedPlan:
    """Put a blueprint in order; `language` is that of code for which no file is named.

    Nothing in it is an error: what cannot be followed is left out, and told.
    """
    notes: list[str] = []
    planned = blueprint.parts[:MAX_PIECES]
    if len(blueprint.parts) > MAX_PIECES:
        left_out = ", ".join(each.name for each in blueprint.parts[MAX_PIECES:][:MAX_PIECES])
        notes.append(f"At most {MAX_PIECES} parts are done; left out: {left_out}.")
    keys = make_step_keys([each.name for each in planned])
    by_name = dict(zip((each.name for each in planned), keys, strict=True))
    pieces: dict[str, PlannedPiece] = {}
    taken: set[str] = set()
    for key, piece in zip(keys, planned, strict=True):
        needs = dict.fromkeys(by_name[each] for each in piece.needs if each in by_name)
        needs.pop(key, None)
        file = _choose_path(piece, key, language, taken, notes) if piece.kind == "code" else None
        pieces[key] = piece.model_copy(update={"name": key, "needs": list(needs), "file": file})
    if circle := find_circle({key: piece.needs for key, piece in pieces.items()}):
        notes.append(f"Parts that wait for each other are done at once: {', '.join(circle)}.")
    waves = list_waves({key: piece.needs for key, piece in pieces.items()})
    if len(waves) == len(pieces) > 1:
        notes.append(
            "The plan is sequential: several agents add cost and no speed; a single task may do."
        )
    return ArrangedPlan(approach=blueprint.approach, pieces=pieces, waves=waves, notes=notes)


def make_step_keys(names: Sequence[str]) -> list[str]:
    """Return a key of a step for each name, such as `http-api`, no two the same."""
    keys: list[str] = []
    for name in names:
        base = _NOT_OF_A_NAME.sub("-", name.casefold())[:MAX_NAME].strip("-") or "part"
        if base == "plan":  # the workflow's own key
            base = "plan-1"
        key, number = base, 2
        while key in keys:
            key, number = f"{base}-{number}", number + 1
        keys.append(key)
    return keys


def _choose_path(
    piece: PlannedPiece, key: str, language: str, taken: set[str], notes: list[str]
) -> str:
    """Return the path for the program of a piece: as planned, unless it is none or taken."""
    ending = PurePosixPath(build_file_name(language)).suffix
    path = f"{key.replace('-', '_')}{ending}"
    if piece.file is not None and len(piece.file) <= MAX_PATH:
        try:
            path = str(PurePosixPath(check_file_path(piece.file)))
        except ValueError as error:
            notes.append(f"{key} is written to {path}: {error}")
    if path.casefold() in taken:
        folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
        other = str(folder / f"{key.replace('-', '_')}_{name}")
        notes.append(f"Two parts were planned as {path}; {key} is written to {other}.")
        path = other
    taken.add(path.casefold())
    return path
