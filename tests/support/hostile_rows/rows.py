"""Hostile rows that a signed-in person can try to insert.

Values are pieces of JSON text and not Python's values: no Python value is as deep or as long as
what goes over the wire. Everything follows from the generator that is given.
"""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final
from uuid import UUID

NUMBERS: Final = (
    *("0", "-0.0", "-1", "7", "0.1", "1e-5000", "1e18", "1e307", "1.8e308", "1e309", "-1e400"),
    *("1e5000", "9" * 400, "9" * 5_000, "0." + "1" * 5_000, "2147483648", "9223372036854775808"),
    *('"NaN"', '"Infinity"', '"-Infinity"', '"5"', '"1e131071"', "true", "null", "[]", '"x"'),
)
TIMES: Final = (
    *('"infinity"', '"-infinity"', '"now"', '"epoch"', '"tomorrow"', '"yesterday"', "null", "0"),
    *('"10000-01-01"', '"294276-12-31"', '"0044-03-15 BC"', '"4713-01-01 BC"', '"2026-02-30"'),
    *('"9999-12-31T23:59:59-12:00"', '"0001-01-01T00:00:00+14:00"', '"9999-12-29T00:00:00Z"'),
)
TEXTS: Final = (
    *('""', '" "', '"Say it"', '"NaN"', '"auto"', '"CHAT"', '"\\u0000"', '"\\ud800"', "null", "1"),
    *(
        '"\\u001b]0;gone\\u0007"',
        '"\\u202egnp.exe"',
        '"%s%n{0}"',
        '"\'; drop table cogo_tasks; --"',
    ),
    *(json.dumps("x" * 300), json.dumps("\U0001f600" * 3_000), json.dumps("x" * 300_000)),
)
IDS: Final = ('"00000000-0000-0000-0000-000000000000"', '"no id"', "null", "7")
KEYS: Final = (
    *("language", "messages", "stop", "timeouts", "max_output_tokens", "temperature", "top_p"),
    *("task_requirements", "inputTokens", "complexity", "git_branch", "target_file", "tests"),
    *("preference", "allowed_models", "data_policy", "policy", "total", "role", "content", "cache"),
    *("reasoning_effort", "__proto__", "", "\x00", "\U0001f600", "k" * 300),
)
DEPTHS: Final = (5, 50, 98, 99, 100, 101, 254, 256, 990, 1_100, 4_000)
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "prompt": TEXTS,
    "type": (*TEXTS, '"GENERATE_CODE"', '"DEBATE"'),
    "model": TEXTS,
    "idempotency_key": TEXTS,
    "session_id": IDS,
    "id": IDS,
    "owner": IDS,
    "priority": NUMBERS,
    "budget_usd": NUMBERS,
    "deadline": TIMES,
    "run_at": TIMES,
    "stream": ("true", "false", "null", '"maybe"', "7"),
}
DOCUMENTS: Final = ("params", "preferences")


def hostile_row(chance: Random) -> dict[str, str]:
    """Return some columns of `cogo_tasks`, each with its value as JSON text."""
    names = chance.sample([*COLUMNS, *DOCUMENTS], chance.choice((0, 1, 1, 2, 4)))
    if chance.random() < 0.4:
        names.append("params")
    return {name: _column(chance, name) for name in dict.fromkeys(["prompt", *names])}


def row_text(row: Mapping[str, str]) -> str:
    """Return the JSON object of a row."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in row.items()) + "}"


def hostile_json(chance: Random, *, levels: int = 3) -> str:
    """Return any JSON: deep, wide, with numbers and texts that somebody cannot read."""
    kind = chance.randrange(11 if levels else 4)
    if kind < 2:
        return chance.choice(NUMBERS)
    if kind < 4:
        return chance.choice(TEXTS)
    if kind in {4, 10}:
        return _nested(chance, chance.choice(DEPTHS))
    if kind == 5:
        return "[" + ",".join(["1"] * chance.choice((10, 3_000, 60_000))) + "]"
    inner = [hostile_json(chance, levels=levels - 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        return "[" + ",".join(inner) + "]"
    return "{" + ",".join(f"{json.dumps(chance.choice(KEYS))}: {each}" for each in inner) + "}"


def _column(chance: Random, name: str) -> str:
    if name in DOCUMENTS:
        return hostile_json(chance)
    if name in {"id", "session_id"} and chance.random() < 0.8:
        return f'"{UUID(int=chance.getrandbits(128))}"'
    # Most prompts can be worked on, or only they would be judged.
    return (
        '"Say it"' if name == "prompt" and chance.random() < 0.8 else chance.choice(COLUMNS[name])
    )


def _nested(chance: Random, depth: int) -> str:
    opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
    return opening * depth + chance.choice(NUMBERS) + closing * depth
