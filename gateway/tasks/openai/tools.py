"""Tools of the caller, choices of tools, and tools of ours, as params of a task."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, Field

from gateway.tasks.openai.content import refuse_parameter
from protocol.json_schema import check_schema
from protocol.tool_names import WEB_SEARCH

MAX_TOOLS: Final = 128
OWN_TOOLS: Final = "cogo_tools"

_INSTEAD: Final = {
    "custom": "describe it as a function with one text",
    "mcp": f"configure the server in cogo.toml and name `mcp:SERVER` in {OWN_TOOLS}",
    "code_interpreter": f"name `cogo:run_code` in {OWN_TOOLS}",
    "file_search": f"name `cogo:search_files` in {OWN_TOOLS}, or offer a function",
    "image_generation": "offer a function",
    "local_shell": "offer a function",
    "shell": f"name `cogo:run_code` in {OWN_TOOLS}, or offer a function",
    "apply_patch": "offer a function",
    "computer": "offer a function",
    "computer_use_preview": "offer a function",
}
"""What to use in place of tools that only OpenAI has."""

OwnTools = list[str] | None


class FunctionSpec(BaseModel):
    """A function of the caller."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str | None = Field(None, max_length=10_000)
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


@dataclass(slots=True, kw_only=True)
class ToolSettings:
    """What a request says about tools."""

    functions: list[FunctionSpec] = field(default_factory=list)
    choice: Any = None
    """As in params: `auto`, `none`, `required` or `{"name"}`."""
    is_parallel: bool | None = None
    own: list[str] = field(default_factory=list)

    def add_function(self, function: FunctionSpec, place: str, *, schema: str) -> None:
        """Add a function of the caller.

        `place` and `schema` are where it and its parameters are in the request. Raise Problem (400)
        if its name is taken, or no model could follow its parameters.
        """
        if any(each.name == function.name for each in self.functions):
            raise refuse_parameter(
                place, f"two tools are named {function.name!r}", code="invalid_request"
            )
        if function.parameters is not None:
            check_request_schema(
                function.parameters, schema, f"the parameters of {function.name!r}"
            )
        self.functions.append(function)

    def to_params(self) -> dict[str, Any]:
        """Return the params. Raise Problem (400) if the tools contradict each other."""
        names = [each.name for each in self.functions]
        if isinstance(self.choice, dict) and self.choice["name"] not in names:
            raise refuse_parameter(
                "tool_choice",
                f"tool_choice names {str(self.choice['name'])[:100]!r}, which is not among tools",
                code="invalid_request",
            )
        if self.choice == "required" and not names and not self.own:
            raise refuse_parameter(
                "tool_choice", "tool_choice requires a call, but no tools", code="invalid_request"
            )
        params: dict[str, Any] = {}
        if names:
            params["client_tools"] = [_write_tool(each) for each in self.functions]
        if self.own:
            params["tools"] = list(dict.fromkeys(self.own))
        if params:
            params["tool_choice"] = self.choice
            params["parallel_tool_calls"] = self.is_parallel
        return params

    def allow_only(self, names: Sequence[str], mode: object) -> None:
        """Keep the named functions only. Raise Problem (400) if one is not among the tools."""
        known = {each.name for each in self.functions}
        if unknown := next((each for each in names if each not in known), None):
            raise refuse_parameter(
                "tool_choice",
                f"tool_choice allows {unknown[:100]!r}, which is not among tools",
                code="invalid_request",
            )
        self.functions = [each for each in self.functions if each.name in set(names)]
        self.choice = "required" if mode == "required" else "auto"


def check_request_schema(schema: dict[str, Any], place: str, what: str) -> None:
    """Raise Problem (400) if a JSON Schema of the request cannot be used."""
    if problem := check_schema(schema):
        raise refuse_parameter(
            place, f"{what} cannot be used: {problem}", code="invalid_json_schema"
        )


def refuse_tool(kind: str, place: str) -> Exception:
    """Build the refusal of a tool that is no function, with what to use instead."""
    instead = _INSTEAD.get(kind.partition("_20")[0], "offer a function")
    return refuse_parameter(
        place, f"tools of type {kind[:50]!r} are not supported here", hint=instead
    )


def is_web_search(kind: str) -> bool:
    """Return whether a type of tool is the vendor's search of the web."""
    return kind.startswith(WEB_SEARCH)


def read_choice(choice: object) -> Any:
    """Return a choice of a tool as in params; None if nothing is chosen.

    Raise Problem (400) for choices that are not supported.
    """
    if choice is None or choice in ("auto", "none", "required"):
        return choice
    if isinstance(choice, dict):
        nested = choice.get("function")
        name = (nested if isinstance(nested, dict) else choice).get("name")
        if choice.get("type") == "function" and isinstance(name, str):
            return {"name": name}
    raise refuse_parameter(
        "tool_choice",
        "tool_choice is not auto, none, required, a function, or allowed_tools with functions",
    )


def read_allowed(choice: object) -> tuple[list[str], object] | None:
    """Return the functions that a choice allows, and its mode; None if it is another choice."""
    if not isinstance(choice, dict) or choice.get("type") != "allowed_tools":
        return None
    nested = choice.get("allowed_tools")
    allowed = nested if isinstance(nested, dict) else choice
    tools = allowed.get("tools")
    found = [read_choice(each) for each in tools] if isinstance(tools, list) else []
    return [each["name"] for each in found if isinstance(each, dict)], allowed.get("mode")


def list_own_tools(body: OwnTools, header: str | None) -> list[str]:
    """Return the names of our tools, of the body and of the header."""
    named = (header or "").split(",")
    return [*(body or ()), *(each.strip() for each in named if each.strip())]


def _write_tool(function: FunctionSpec) -> dict[str, Any]:
    return {
        "name": function.name,
        "description": function.description or "",
        "parameters": function.parameters or {"type": "object", "properties": {}},
        "strict": bool(function.strict),
    }
