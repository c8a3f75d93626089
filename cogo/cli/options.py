"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="State directory (default: $COGO_HOME, the nearest .cogo upwards, ~/.cogo).",
        file_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SimulatorUrl = Annotated[
    str | None, typer.Option(help="Ask this vendor simulator instead of the vendors.")
]
NoKey = Annotated[
    bool,
    typer.Option(
        "--no-key",
        help="Take requests without a key on loopback: every user of this machine has all rights.",
    ),
]
