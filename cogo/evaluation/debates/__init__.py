"""Evaluation of debates on questions with known answers, against one answer of one model."""

from cogo.evaluation.debates.figures import WayFigures, WayOutcome, summarize_way
from cogo.evaluation.debates.questions import (
    KnownQuestion,
    is_right,
    load_own_questions,
    load_questions,
)

__all__ = [
    "KnownQuestion", "WayFigures", "WayOutcome", "is_right", "load_own_questions",
    "load_questions", "summarize_way",
]  # fmt: skip
