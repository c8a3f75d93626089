"""The types of tasks that COGO has workflows for."""

from collections.abc import Mapping
from typing import Final

from agents.workflows.analyze_code import analyze_code
from agents.workflows.auto import auto
from agents.workflows.chat import chat
from agents.workflows.coordinate import coordinate
from agents.workflows.debate import debate
from agents.workflows.embed import embed
from agents.workflows.engine import Workflow
from agents.workflows.generate_code import generate_code
from agents.workflows.optimize_code import optimize_code
from agents.workflows.strategy import strategy

WORKFLOWS: Final[Mapping[str, Workflow]] = {
    each.type: each
    for each in (
        analyze_code, auto, chat, coordinate, debate, embed, generate_code, optimize_code, strategy,
    )
}  # fmt: skip
