"""Loading of modules with tools."""

import importlib
import traceback
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents.tools.definition import ToolFunction, ToolInvalid
from protocol.records import ApprovalOptions


class ToolsRefused(Exception):
    """A module of tools cannot be used; the message names its file and line."""


class ToolDescription(BaseModel):
    """A tool, for people and for models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    module: str
    signature: str
    doc: str
    file: str
    is_idempotent: bool
    retries: int
    seconds: float
    needs_approval: bool = False
    approval: ApprovalOptions = Field(default_factory=ApprovalOptions)
    """What follows if nobody answers."""
    arguments: dict[str, Any]
    """The JSON Schema of its arguments."""

    @classmethod
    def describe(cls, tool: ToolFunction[..., Any]) -> "ToolDescription":
        """Return the description of a tool. Raises ToolInvalid if a type of it is no JSON."""
        return cls(
            name=tool.name,
            module=tool.module,
            signature=tool.signature,
            doc=tool.doc,
            file=tool.file,
            is_idempotent=tool.is_idempotent,
            retries=tool.retries,
            seconds=tool.seconds,
            needs_approval=tool.needs_approval,
            approval=tool.approval,
            arguments=tool.schema,
        )


def load_tools(name: str) -> list[ToolFunction[..., Any]]:
    """Import a module and return its tools. Raises ToolsRefused."""
    try:
        module = importlib.import_module(name)
        tools = list_tools(module)
        for each in tools:
            ToolDescription.describe(each)
    except (Exception, SystemExit) as error:
        raise ToolsRefused(_describe_error(name, error)) from error
    if not tools:
        raise ToolsRefused(f"{module.__file__}: it has no tool, a function with @tool")
    return tools


def list_tools(module: ModuleType) -> list[ToolFunction[..., Any]]:
    """Return the tools that a module or a package has as names, without those of others."""
    found = (each for each in vars(module).values() if isinstance(each, ToolFunction))
    own = (module.__name__, f"{module.__name__}.")
    tools = [each for each in found if each.module == own[0] or each.module.startswith(own[1])]
    return list({(each.module, each.name): each for each in tools}.values())


def _describe_error(name: str, error: BaseException) -> str:
    """Return an error with the file and the line that caused it."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    text = str(error) if isinstance(error, ToolInvalid) else f"{type(error).__name__}: {error}"
    places = [
        each
        for each in traceback.extract_tb(error.__traceback__)
        if not each.filename.startswith("<") and each.filename != importlib.__file__
    ]
    outside = [each for each in places if each.filename not in {__file__, _DEFINITION}]
    if not outside:
        return f"module {name!r} cannot be imported: {text}"
    return f"{outside[-1].filename}:{outside[-1].lineno}: {text}"


_DEFINITION = ToolFunction.__init__.__code__.co_filename
