"""Plans of AUTO, scripted."""

import json
from typing import Any

from agents.workflows.auto import auto
from agents.workflows.engine import StepRequest
from cogo.testing import Played, play

LADDERS = {
    "ladder": {
        "models": [{"model": "small", "expected_usd": 0.01}],
        "strongest": {"model": "big", "expected_usd": 0.1},
    }
}
TESTED = {"status": "self_tested", "reason": "all passed", "report": {"verdict": "passed"}}


def a_step(name: str, type_: str = "ASK", needs: Any = (), **more: Any) -> dict[str, Any]:
    step = {
        "name": name, "type": type_, "instruction": f"do {name}", "needs": [*needs],
        "language": None, "file": None, "budget_usd": None,
    }  # fmt: skip
    return step | more


def a_plan(*steps: Any) -> dict[str, Any]:
    return {"tasks": [*steps]}


def told(*steps: Any) -> dict[str, Any]:
    """Return a plan as the answer of a model, with its text."""
    plan = a_plan(*steps)
    return {"text": json.dumps(plan), "data": plan, "model_used": "planner"}


PLAN = told(
    a_step("Code", "GENERATE_CODE", language="python", file="app.py"),
    a_step("Facts"),
    a_step("Report", needs=["Code", "Facts"]),
)
CODE = {
    "text": "Here.", "files": {"app.py": "def run(): ...\n"}, "verification": TESTED,
    "model_used": "coder", "cost_usd": "0.2",
}  # fmt: skip
DONE = {"proposal": PLAN, "steps/code": CODE, "steps/facts": "F", "steps/report": "All is done."}


def planned(answers: Any, prompt: str = "Ship it.", **more: Any) -> Played:
    return play(auto, prompt=prompt, answers=answers, **{"decisions": LADDERS} | more)


def keys(played: Played) -> list[str]:
    return [each.key for each in played.steps]


def get_step(played: Played, key: str) -> StepRequest:
    return next(each for each in played.steps if each.key == key)
