"""The check of the tools that a step wants, before anything is spent. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.errors import ToolNotUsable, suggest_similar
from agents.tools.grants import NOT_GRANTED, find_ungranted
from agents.tools.names import select_names
from agents.tools.toolbox import OWN, OWN_NAMES
from protocol.tool_names import MCP, WEB_SEARCH, is_tool_granted

IMAGE_TOOLS: Final = frozenset({f"{OWN}view_image"})
"""Tools whose results are useless for models that do not see."""
OWN_HINT: Final = " `cogo tools` on an executor's machine says why it does not offer this one."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNeeds:
    """What a step needs from its model for the sake of its tools."""

    calls: bool = False
    """Whether it gets tools to call."""
    is_forced: bool = False
    """Whether `tool_choice` says that it must call one."""
    sees: bool = False
    """Whether they give it images."""
    searches: bool = False
    """Whether the vendor must search the web for it."""
    names: tuple[str, ...] = ()
    """The tools that COGO runs, as the step names them."""
    of_caller: int = 0
    """How many the caller runs."""

    def count_offered(self, offered: Sequence[str]) -> int:
        """Return how many tools the model may choose from; `offered` are those of all executors."""
        return self.of_caller + sum(len(select_names(offered, each)) or 1 for each in self.names)


NO_TOOLS: Final = ToolNeeds()


def list_tool_names(params: Mapping[str, Any]) -> list[str]:
    """Return the names of the tools that a step wants COGO or the vendor to run."""
    stated = params.get("tools")
    return [each for each in stated if isinstance(each, str)] if isinstance(stated, list) else []


def find_tool_needs(params: Mapping[str, Any]) -> ToolNeeds:
    """Return what a step needs from its model for the sake of its tools."""
    names = list_tool_names(params)
    theirs = params.get("client_tools")
    ours = tuple(each for each in dict.fromkeys(names) if each != WEB_SEARCH)
    calls = bool(theirs or ours)
    return ToolNeeds(
        calls=calls,
        is_forced=calls and params.get("tool_choice") not in (None, "auto", "none"),
        sees=not IMAGE_TOOLS.isdisjoint(names),
        searches=WEB_SEARCH in names,
        names=ours,
        of_caller=len(theirs) if isinstance(theirs, list) else 0,
    )


def check_usable_tools(
    params: Mapping[str, Any], *, offered: Sequence[str] | None, granted: Sequence[str] | None
) -> None:
    """Check the tools of a step. Raises ToolNotUsable.

    `offered` are the tools of all executors that run; None: no executor is known, so that the step
    waits for one.
    """
    names = list_tool_names(params)
    if refused := find_ungranted(names, granted):
        raise _build_refusal(refused, granted or [])
    if offered is None:
        return
    there = [WEB_SEARCH, *offered]
    for name in names:
        found = select_names(there, name)
        if not found:
            raise _build_unknown(name, offered)
        if not any(is_tool_granted(each, granted) for each in found):
            raise _build_refusal([name], granted or [])


def _build_refusal(names: Sequence[str], granted: Sequence[str]) -> ToolNotUsable:
    return ToolNotUsable(
        f"params.tools: not granted to the task's owner: {', '.join(names)}; "
        f"granted are: {', '.join(granted) or 'none'}.",
        allowed=granted,
        error_class=NOT_GRANTED,
    )


def _build_unknown(name: str, offered: Sequence[str]) -> ToolNotUsable:
    there = sorted(offered)
    text = f"params.tools: no executor offers {name!r}; "
    if not there:
        return ToolNotUsable(
            f"{text}none offers any tool. Name modules or MCP servers in cogo.toml "
            "(see docs/how-to/use-tools.md).",
            may_appear=name.startswith(MCP),
        )
    # The name is right: what is similar would be another tool.
    hint = OWN_HINT if name in OWN_NAMES else suggest_similar(name, there)
    return ToolNotUsable(
        f"{text}there are: {', '.join(there)}.{hint}",
        allowed=there,
        may_appear=name.startswith(MCP),
    )
