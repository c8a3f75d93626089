"""Options that the commands of memory share."""

from typing import Annotated

import typer

Owner = Annotated[
    str, typer.Option("--owner", help="Whose memory: UUID of a user, or none for no owner.")
]
Source = Annotated[str | None, typer.Option("--source", help="Only of this source.")]
