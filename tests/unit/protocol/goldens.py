"""Golden messages."""

import json
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = Path(__file__).parent / "golden"
NAMES: Final = sorted(path.stem for path in _FOLDER.glob("*.json"))


def golden(name: str) -> dict[str, Any]:
    """Load the message of that name."""
    message: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    return message
