"""Answers of models, and what the rules say about them."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "unit/providers/tool_calls"
TOOLS: list[dict[str, Any]] = json.loads((_FOLDER / "tools.json").read_text())


def load_cases() -> list[dict[str, Any]]:
    """Return all cases; those that name no tools have the ones of `tools.json`."""
    return [
        {"tools": TOOLS} | json.loads(line)
        for name in ("sample.jsonl", "cases.jsonl", "judged.jsonl")
        for line in (_FOLDER / name).read_text().splitlines()
    ]
