"""Values that several of these routes take."""

from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from protocol.store.operator import MAX_REASON

NO_OWNER = "none"

Reason: TypeAlias = Annotated[
    str | None, Field(max_length=MAX_REASON, description="Why; kept in the log of actions.")
]


def _parse_owner(value: object) -> object:
    return None if value == NO_OWNER else value


OwnerPath: TypeAlias = Annotated[
    UUID | None,
    BeforeValidator(_parse_owner),
    Path(description="The UUID of a user, or `none` for tasks without an owner."),
]
LanePath: TypeAlias = Annotated[
    str,
    Path(min_length=1, max_length=300, description="The id of a model, or `cio` for planning."),
]


class Because(BaseModel):
    """Why an operator does it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the bill of yesterday"}]}
    )

    reason: Reason = None
