"""Answers of models, and what the rules say about them."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "unit/providers/tool_calls"


def load_cases() -> list[dict[str, Any]]:
    """Return all cases; those that name no tools have the ones of `tools.json`."""
    tools = json.loads((_FOLDER / "tools.json").read_text())
    return [
        {"tools": tools} | json.loads(line)
        for name in ("sample.jsonl", "cases.jsonl", "judged.jsonl")
        for line in (_FOLDER / name).read_text().splitlines()
    ]
