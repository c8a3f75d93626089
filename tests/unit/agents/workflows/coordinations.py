"""Plans of COORDINATE and what their steps give, scripted."""

from typing import Any

from agents.workflows.coordinate import coordinate
from cogo.testing import Played, play

TESTED: dict[str, Any] = {
    "status": "self_tested", "reason": "all passed",
    "report": {"verdict": "passed", "total": 2, "passed_tests": 2},
    "tests": {"written_by": "t"}, "sandbox": "bubblewrap",
}  # fmt: skip
READY = {"text": "Ready.", "verdict": {"decision": "Ready.", "dissent": "", "evidence": []}}
UNFINISHED = {"text": "Unfinished: shop.py adds no tax."}
COMMON_TESTS = {
    "text": "t", "code": "def test_shop(): assert total([1]) == 1", "model_used": "tester",
    "derived": {"maker": "maker-t"},
}  # fmt: skip


def a_part(name: str, kind: str = "text", needs: Any = (), file: str | None = None) -> Any:
    return {
        "name": name, "instruction": f"do {name}", "interface": f"{name}(x)", "acceptance": "done",
        "needs": [*needs], "kind": kind, "file": file,
    }  # fmt: skip


def a_plan(*parts: Any) -> Any:
    return {"approach": "In parts.", "parts": [*parts]}


def made(**files: str) -> dict[str, Any]:
    """Return what a child task that wrote these files gives."""
    return {
        "text": "Here.", "files": {path.replace("__", "."): text for path, text in files.items()},
        "verification": TESTED, "model_used": "coder", "derived": {"maker": "maker-c"},
        "cost_usd": "0.1",
    }  # fmt: skip


SHOP = a_plan(
    a_part("prices", "code", file="prices.py"),
    a_part("Guide"),
    a_part("shop", "code", ["prices"], "shop.py"),
)
DONE = {
    "strategy": SHOP,
    "implement/prices": made(prices__py="def price(name: str) -> int:\n    return 1\n"),
    "implement/guide": "Use it.",
    "implement/shop": made(shop__py="from prices import price\n\n\ndef total(x): return 1\n"),
    "tests": COMMON_TESTS,
    "stub": False,
    "together": {"verdict": "passed", "total": 1, "passed_tests": 1},
    "review": READY,
}


def coordinated(answers: dict[str, Any], **more: Any) -> Played:
    return play(coordinate, prompt="Write a shop in Python.", answers=answers, **more)
