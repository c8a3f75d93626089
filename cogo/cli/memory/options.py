"""Options that the commands of memory share."""

from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.options import parse_owner

EVERYONE: Final = "all"

Owner = Annotated[
    str, typer.Option("--owner", help="Whose memory: UUID of a user, or none for no owner.")
]
Owners = Annotated[str, typer.Option("--owner", help="UUID of a user, none for no owner, or all.")]
Source = Annotated[str | None, typer.Option("--source", help="Only of this source.")]


def parse_owners(owner: str) -> tuple[UUID | None, bool]:
    """Return the owner, and whether all owners are meant. Raises InvalidArgument."""
    return (None, True) if owner == EVERYONE else (parse_owner(owner), False)
