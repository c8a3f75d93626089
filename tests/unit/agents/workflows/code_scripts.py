"""Answers about code, and measured speed, scripted."""

import json
from typing import Any

from tests.support.agents.scripted_flow import report_output

CODE = "def add(a, b):\n    return a - b\n"
FIXED = "def add(a, b):\n    return a + b\n"
TEST = "def test_add():\n    assert add(1, 2) == 3\n"
LOW = {"file": "a.py", "line": 2, "severity": "low", "what": "a name", "fix": "rename it"}
HIGH = {"file": None, "line": 2, "severity": "high", "what": "a minus", "fix": "a + b"}


def findings(**more: Any) -> dict[str, Any]:
    data = {"summary": "It subtracts.", "findings": [LOW, HIGH]} | more
    return {"text": "{...}", "data": data, "model_used": "cheap", "provider": "x", "notes": []}


SLOW, FAST = "slow = 1\n", "fast = 1\n"
TESTS = "def test_a():\n    assert total(3) == 3\n"
PROOF = {"text": "{}", "data": {"tests": TESTS, "workload": "def workload(): ..."}}


def a_timing(before: float, after: float, *, noise: float = 0.001, equal: bool = True) -> Any:
    printed = {
        "original": {"median": before, "noise": noise},
        "candidate": {"median": after, "noise": noise},
        "rounds": 7, "equal": equal, "loops": 1,
    }  # fmt: skip
    return report_output("passed", basis="exit_code", output=f"x\n{json.dumps(printed)}\n")


def proof() -> dict[str, Any]:
    return PROOF | {"model_used": "tester"}
