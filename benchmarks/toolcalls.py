"""Tool calls in text: what one answer costs, and that the time grows with the length alone.

The answers are the samples of the tests. The growth compares texts of 64 kB and 1 MB, whole and by
the character, in CPU time: 16 is linear.
"""

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from providers.tool_calls import Extractor, extract

GOAL_MICROSECONDS: Final = 150.0
GOAL_GROWTH: Final = 24.0
ROUNDS: Final = 50
_SAMPLES: Final = Path(__file__).parent.parent / "tests/unit/providers/tool_calls/sample.jsonl"
_SHORT: Final = 65_536
_LONG: Final = 1_048_576
_PATTERNS: Final = {
    "text": "some words of a text. ",
    "angles": "<",
    "braces": "{",
    "brackets": "[",
    "spaces": " ",
    "prefixes": "<tool_cal",
    "markers": "<tool_call>",
    "objects": '<tool_call>{"name": "ping", "arguments": {"a": [',
    "parameters": "<tool_call><function=ping><parameter=a>",
    "lines": '{"name": "ping", "arguments": {}}\n',
    "backticks": "` ",
}
_TOOLS: Final = [{"type": "function", "function": {"name": "ping", "parameters": {}}}]


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Measure the samples, and texts that are hard to read in linear time."""
    return [*_measure_samples(5 if quick else ROUNDS), *_measure_growth(quick=quick)]


def _measure_samples(rounds: int) -> Iterator[dict[str, Any]]:
    cases = [json.loads(line) for line in _SAMPLES.read_text().splitlines()]
    costs = []
    for case in cases:
        if "text" in case:
            options = {"family": case["family"], "prefix": case.get("prefix", "")}
            best = min(_time(case["text"], case["tools"], options) for _ in range(rounds))
            costs.append(best * 1e6)
    yield {
        "name": "toolcalls_median_microseconds",
        "value": round(statistics.median(costs), 1),
        "slowest": round(max(costs), 1),
        "goal": GOAL_MICROSECONDS,
    }


def _time(text: str, tools: list[Any], options: dict[str, str]) -> float:
    start = time.process_time()
    extract(text, tools, **options)
    return time.process_time() - start


def _measure_growth(*, quick: bool) -> Iterator[dict[str, Any]]:
    long = _SHORT * 4 if quick else _LONG
    for name, pattern in _PATTERNS.items():
        for size in (None, 1):
            short, full = (_stream(pattern, length, size) for length in (_SHORT, long))
            yield {
                "name": f"toolcalls_growth_{name}_{'whole' if size is None else 'characters'}",
                "value": round(full / max(short, 0.002), 1),
                "seconds": round(full, 3),
                "goal": GOAL_GROWTH,
            }


def _stream(pattern: str, length: int, size: int | None) -> float:
    text = (pattern * (length // len(pattern) + 1))[:length]
    extractor = Extractor(_TOOLS, family="llama")
    start = time.process_time()
    for at in range(0, length, size or length):
        extractor.feed(text[at : at + (size or length)])
    extractor.finish()
    return time.process_time() - start
