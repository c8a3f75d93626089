"""Scripted debates."""

from typing import Any

from agents.workflows.debate import debate
from cogo.testing import Played, play

ROLES = ("debate_1", "debate_2", "debate_3", "judge")
PANEL = {
    "models": [
        {"role": role, "model": m, "maker": m} for role, m in zip(ROLES, "abcd", strict=True)
    ]
}
NAMES = ("optimistic", "cautious", "balanced")


def a_position(verdict: str, **fields: Any) -> dict[str, Any]:
    """Say so, for one reason; `usd` is what it costs."""
    position = {
        "verdict": verdict,
        "reasons": [f"because {verdict}"],
        "evidence": [f"{verdict} measured"],
        "confidence": 70,
        "would_change": f"no {verdict}",
    }
    usd = fields.pop("usd", None)
    return {"data": position | fields} | ({} if usd is None else {"cost_usd": usd})


def a_reply(verdict: str, **fields: Any) -> dict[str, Any]:
    return a_position(verdict, attack="weak", **fields)


def a_ruling(decision: str, *agreeing: int) -> dict[str, Any]:
    ruling = {"decision": decision, "explanation": "It carries.", "evidence": ["fact"]}
    return {"data": ruling | {"agreeing": [*agreeing]}, "model_used": "d"}


def debated(*positions: Any, **options: Any) -> Played:
    """Play a debate; further arguments are answers of other steps, or options of `play`."""
    given = {"answers", "budget_usd", "order", "decisions"}
    more = {name: options.pop(name) for name in [*options] if name not in given}
    answers: dict[str, Any] = dict(zip(NAMES, positions, strict=False)) | more
    decisions = {"panel": PANEL} | options.pop("decisions", {})
    return play(debate, prompt="Tabs?", answers=answers, decisions=decisions, **options)


def calls(played: Played) -> list[str]:
    return [each.key for each in played.steps if each.kind == "ask"]


def prompts_of(played: Played, key: str) -> str:
    return next(str(each.request["prompt"]) for each in played.steps if each.key == key)


def argued(**options: Any) -> Played:
    return debated(
        [a_position("tabs"), a_reply("tabs")], [a_position("spaces"), a_reply("spaces")],
        [a_position("spaces"), a_reply("tabs", confidence=60)],
        **({"verdict": a_ruling("Tabs it is.")} | options),
    )  # fmt: skip
