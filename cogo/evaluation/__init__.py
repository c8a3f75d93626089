"""Evaluation of workflows and models on problems whose solutions can be tested."""

from cogo.evaluation.checks import RememberedChecks
from cogo.evaluation.dataset import CodingProblem, Recordings, load_problems, load_recordings
from cogo.evaluation.evaluate import Configuration, Evaluator, ProblemOutcome
from cogo.evaluation.figures import Figures, summarize
from cogo.evaluation.outcomes_file import OutcomesFile, compute_version, name_outcomes

__all__ = [
    "CodingProblem",
    "Configuration",
    "Evaluator",
    "Figures",
    "OutcomesFile",
    "ProblemOutcome",
    "Recordings",
    "RememberedChecks",
    "compute_version",
    "load_problems",
    "load_recordings",
    "name_outcomes",
    "summarize",
]
