"""The tools of one loop: those of the params, as far as they are granted and can be called."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agents.tools.params import ChosenTool, ClientTool, ToolChoiceParam, ToolLimits
from agents.tools.toolbox import OfferedTool
from protocol.json_values import explain_mistake
from protocol.tool_names import WEB_SEARCH
from providers.chat import NamedTool, Tool, ToolCall, ToolChoice
from providers.errors import InvalidRequest

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_CLIENT_TOOLS: Final = TypeAdapter(list[ClientTool])
_CHOICE: Final = TypeAdapter[ToolChoiceParam](ToolChoiceParam)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """What the params of a step say about tools."""

    names: Sequence[str] = ()
    """Of tools that are run here."""
    client: Sequence[ClientTool] = ()
    choice: ToolChoice = "auto"
    parallel: bool | None = None
    limits: ToolLimits = field(default_factory=ToolLimits)

    @property
    def needs_loop(self) -> bool:
        """Whether the model may call tools that the vendor does not run."""
        return bool(self.names or self.client)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopOffer:
    """What the model may call, by the names that it sees."""

    tools: Mapping[str, OfferedTool] = field(default_factory=dict)
    client: Mapping[str, ClientTool] = field(default_factory=dict)

    def is_callers(self, call: ToolCall) -> bool:
        """Return whether the caller runs a call; so are all names if none is ours.

        It never gets one that is rejected.
        """
        return call.rejection is None and (call.name in self.client or not self.tools)

    def build_tools(self) -> tuple[Tool, ...]:
        """Return the tools for a request."""
        ours = (
            Tool(name=name, description=each.description, parameters=each.parameters)
            for name, each in self.tools.items()
        )
        theirs = (
            Tool(
                name=each.name,
                description=each.description,
                parameters=each.parameters,
                strict=each.strict,
            )
            for each in self.client.values()
        )
        return (*ours, *theirs)


def read_loop_settings(params: Mapping[str, Any]) -> LoopSettings:
    """Read the params of a step. Raises InvalidRequest."""
    stated = params.get("tools")
    names = [each for each in stated if isinstance(each, str)] if isinstance(stated, list) else []
    try:
        client = _CLIENT_TOOLS.validate_python(params.get("client_tools") or [])
        choice = _CHOICE.validate_python(params.get("tool_choice") or "auto")
        limits = ToolLimits.model_validate(params.get("tool_limits") or {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidRequest("cogo", f"params about tools: {explain_mistake(first)}") from error
    parallel = params.get("parallel_tool_calls")
    return LoopSettings(
        names=[each for each in dict.fromkeys(names) if each != WEB_SEARCH],
        client=client,
        choice=NamedTool(choice.name) if isinstance(choice, ChosenTool) else choice,
        parallel=parallel if isinstance(parallel, bool) else None,
        limits=limits,
    )


def build_offer(tools: Iterable[OfferedTool], client: Iterable[ClientTool]) -> LoopOffer:
    """Return the offer, with a name of its own for each tool.

    The caller's tools keep their names, as it must recognize them. Raises InvalidRequest if two of
    them have the same.
    """
    theirs: dict[str, ClientTool] = {}
    for each in client:
        if each.name in theirs:
            raise InvalidRequest("cogo", f"params.client_tools: two are named {each.name}")
        theirs[each.name] = each
    ours: dict[str, OfferedTool] = {}
    for tool in sorted(tools, key=lambda one: one.name):
        name = tool.call_name
        if name in ours or name in theirs:
            name = _NOT_IN_NAMES.sub("_", tool.name)[-64:]
        base, number = name, 2
        while name in ours or name in theirs:
            name, number = f"{base[:60]}_{number}", number + 1
        ours[name] = tool
    return LoopOffer(tools=ours, client=theirs)
