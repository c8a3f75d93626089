"""The tool with which a model asks a person. The loop of tool calls waits for the answer."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agents.tools.host import ToolFailed
from agents.tools.own.offer import ToolArguments, describe_own_tool
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import TOOL_FAILED


class _Arguments(ToolArguments):
    question: str = Field(
        min_length=1,
        max_length=2_000,
        description="The question, complete in itself: the person sees nothing else of the "
        "conversation.",
    )
    choices: list[str] | None = Field(
        default=None, max_length=20, description="Answers to choose from, if there are only a few."
    )


class AskPerson:
    """Asks the owner of the task."""

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""
        return describe_own_tool(
            "ask_person",
            _Arguments,
            "Ask the person whose task this is, and wait for the answer. Use it if you cannot go "
            "on without something that only they know or decide. It may take hours.",
            seconds=60,
        )

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Raise ToolFailed: there is nobody to ask, except in a loop of tool calls."""
        raise ToolFailed(TOOL_FAILED, "only a model that answers a task can ask its owner")
