"""Public leaderboards as evidence about models of which nothing was observed yet."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from agents.selection.evidence.observations import Observed

FILE: Final = "leaderboards.toml"
WEIGHT: Final = 20.0
"""The judgements that a figure of a leaderboard weighs as much as; as evidence of other work it
counts `quality.RATED_EVIDENCE`."""


class Leaderboard(BaseModel):
    """The figures of one leaderboard, by model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    """Web page."""
    as_of: date
    scale: float = Field(gt=0)
    """The score of a model that does everything well."""
    scores: Mapping[str, float]


def load_leaderboards() -> list[Leaderboard]:
    """Read the packaged leaderboards."""
    text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return [Leaderboard.model_validate(each) for each in tomllib.loads(text)["leaderboards"]]


@cache
def get_ratings() -> Mapping[tuple[str, str], Observed]:
    """Return the figures as judgements, by (model, leaderboard)."""
    return MappingProxyType(
        {
            (model, board.name): Observed(judged=WEIGHT, good=WEIGHT * score / board.scale)
            for board in load_leaderboards()
            for model, score in board.scores.items()
        }
    )
