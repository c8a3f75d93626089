"""The answer of a critic."""

from pydantic import BaseModel, ConfigDict

MAX_PROBLEMS = 5


class Critique(BaseModel):
    """What must change; nothing if it is good as it is."""

    model_config = ConfigDict(extra="forbid")

    problems: list[str]
