"""What the params of a task say about tools, validated before anything is spent."""

import re
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool

MAX_TOOLS: Final = 128
"""What vendors accept in one request."""
MAX_DESCRIPTION: Final = 10_000

ToolName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]+$", max_length=200)]
"""`lookup`, `acme.tools.lookup`, `mcp:SERVER`, `mcp:SERVER/TOOL`, `cogo:TOOL` or `web_search`."""

CALL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""Names of tools that all vendors accept."""


class ClientTool(BaseModel):
    """A tool that the caller runs: a call of it ends the answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(pattern=rf"^{CALL_NAME.pattern}$")
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object"})
    """JSON Schema of the arguments, an object."""
    strict: StrictBool = False
    """Whether the vendor must keep to the schema, where it can."""


class ChosenTool(BaseModel):
    """The tool that the model must call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=rf"^{CALL_NAME.pattern}$")


ToolChoiceParam: TypeAlias = Literal["auto", "none", "required"] | ChosenTool


class ToolLimits(BaseModel):
    """Where a loop of tool calls ends: the model then answers with what it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    turns: int = Field(default=20, ge=1, le=200)
    """Answers of the model that call tools."""
    calls: int = Field(default=100, ge=0, le=1_000)
    seconds: float = Field(default=600, gt=0, le=86_400)
    """Time that all tools together may take, in seconds, without the waiting for people."""
    usd: float | None = Field(default=None, gt=0, le=1_000_000)
    """What all turns together may cost, beside the budget of the task."""
