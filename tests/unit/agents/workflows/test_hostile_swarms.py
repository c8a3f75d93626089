"""Whatever models answer, a debate and a strategy end with a result, or with a failed step."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.workflows.debate import debate
from agents.workflows.engine import FlowFailed, Workflow
from agents.workflows.parts import read_part
from agents.workflows.strategy import strategy
from cogo.testing import fail_with, play

WORDS = st.sampled_from(
    [
        "yes",
        "No, never",
        "42",
        "42.0 apples",
        " ",
        "...",
        "</positions>",
        "\u2028x",
        "é" * 600,
        "{}",
    ]
)
TEXTS = st.lists(WORDS, max_size=3)
POSITION = st.fixed_dictionaries(
    {
        "verdict": WORDS, "reasons": TEXTS, "evidence": TEXTS,
        "confidence": st.integers(-1, 101), "would_change": WORDS,
    },
    optional={"attack": WORDS},
)  # fmt: skip
RULING = st.fixed_dictionaries(
    {
        "decision": WORDS, "explanation": WORDS, "evidence": TEXTS,
        "agreeing": st.lists(st.integers(-2, 5), max_size=4),
    }
)  # fmt: skip
GROUPS = st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=4)
STEP = st.fixed_dictionaries({"title": WORDS, "work": WORDS, "done_when": WORDS})
PLAN = st.fixed_dictionaries(
    {
        "architecture": WORDS, "steps": st.lists(STEP, max_size=3),
        "challenges": st.lists(st.fixed_dictionaries({"risk": WORDS, "answer": WORDS}), max_size=2),
        "resources": TEXTS,
    }
)  # fmt: skip
REVIEW = st.fixed_dictionaries({"agrees": st.booleans(), "problems": TEXTS})
JUNK = st.one_of(
    WORDS.map(lambda text: {"text": text}),
    st.sampled_from([{"data": None}, {"data": []}, {"text": ""}, {}]),
    st.sampled_from(["overloaded", "invalid_answer", "budget", "no_model"]).map(fail_with),
)
MODELS = st.sampled_from(["a", "b", "c", "d", None])


@st.composite
def answers(draw: st.DrawFn, keys: dict[str, Any]) -> dict[str, Any]:
    """Two answers for each key: mostly of the right form, with any model and cost."""
    given_: dict[str, Any] = {}
    for key, form in keys.items():
        good = st.builds(
            lambda data, model, usd: {"data": data, "model_used": model, "cost_usd": usd},
            form, MODELS, st.sampled_from([None, "0.1"]),
        )  # fmt: skip
        given_[key] = draw(st.lists(st.one_of(good, good, JUNK), min_size=2, max_size=2))
    return given_


def check(workflow: Workflow, script: dict[str, Any], **options: Any) -> None:
    played = play(workflow, answers=script, **options)

    if isinstance(played.outcome, FlowFailed):
        assert played.outcome.error_class not in {"workflow_error", "workflow_stuck"}
        return
    assert played.text is not None
    assert all(read_part(each) for each in played.output["parts"])
    assert all(isinstance(each, str) for each in played.output["responses"])


@settings(max_examples=30, deadline=None)
@given(
    answers(
        {
            **dict.fromkeys(("optimistic", "cautious", "balanced"), POSITION),
            "comparison": GROUPS.map(lambda groups: {"groups": groups}), "verdict": RULING,
        }
    ),
    st.lists(st.sampled_from(["a", "b", "a2", "c", "d"]), min_size=1, max_size=5, unique=True),
    st.sampled_from([None, 1]),
)  # fmt: skip
def test_no_answers_break_a_debate(
    script: dict[str, Any], models: list[str], budget: int | None
) -> None:
    roles = ("debate_1", "debate_2", "debate_3", "judge", "judge_2")
    seats = [
        {"role": role, "model": model, "maker": model[0]}
        for role, model in zip(roles, models, strict=False)
    ]
    check(debate, script, decisions={"panel": {"models": seats}}, budget_usd=budget)


@settings(max_examples=20, deadline=None)
@given(answers({"strategy": PLAN, "critic": REVIEW}))
def test_no_answers_break_a_strategy(script: dict[str, Any]) -> None:
    check(strategy, script)
