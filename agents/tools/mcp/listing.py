"""The tools of a server, as it lists them and as they are offered: what it says is checked."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue
from pydantic_core import to_json

from agents.tools.mcp.server import McpServer
from agents.tools.names import write_mcp_name
from agents.tools.toolbox import OfferedTool
from protocol.json_schema import check_schema, find_mismatch, is_quick

MAX_TOOLS: Final = 500
MAX_PAGES: Final = 200
MAX_DESCRIPTION: Final = 2_000
_MAX_NAME: Final = 128
_MAX_CALL_NAME: Final = 64
_DIGEST_IN_NAME: Final = 8
_TEXTS: Final = frozenset({"description", "title", "$comment"})
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTool:
    """A tool as its server lists it."""

    name: str
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    is_read_only: bool = False
    is_idempotent: bool = False

    @property
    def digest(self) -> str:
        """A hash of what matters of it."""
        parts = [self.description, self.input_schema, self.is_read_only, self.is_idempotent]
        return hashlib.sha256(to_json(parts)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """A tool that may be used."""

    listed: ListedTool
    offered: OfferedTool

    def find_wrong_arguments(self, arguments: Mapping[str, Any]) -> str | None:
        """Return how arguments do not fit the tool, or None; the server may still refuse them."""
        return _find_quickly(self.listed.input_schema, arguments)

    def find_wrong_data(self, data: JsonValue) -> str | None:
        """Return how data do not fit what the server has promised, or None."""
        schema = self.listed.output_schema
        if schema is None or check_schema(schema) is not None:
            return None
        return _find_quickly(schema, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class McpListing:
    """The tools of a server that may be used, by its names for them, and what is wrong."""

    tools: Mapping[str, McpTool] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    """Tools that cannot be used, with the reasons."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Those that the operator does not want, likewise."""


class ListingRefused(Exception):
    """The list of a server cannot be used as a whole."""


def build_listing(
    server: McpServer, listed: Sequence[ListedTool], problems: Mapping[str, str]
) -> McpListing:
    """Choose and check the tools of a server. Raises ListingRefused if they are too many."""
    chosen: dict[str, ListedTool] = {}
    wrong = {clean_text(name, 100): problem for name, problem in problems.items()}
    left_out: dict[str, str] = {}
    for each in listed:
        name = clean_text(each.name, 100)
        if (reason := _find_exclusion(server, each)) is not None:
            left_out[name] = reason
        elif (problem := _find_problem(each, chosen)) is not None:
            wrong[name] = problem
        else:
            chosen[each.name] = each
    there = {each.name for each in listed}
    for name in sorted((server.tools or frozenset()) - there - wrong.keys()):
        wrong[name] = f"the server has no such tool; it has {describe_names(there)}"
    if len(chosen) > MAX_TOOLS:
        raise ListingRefused(
            f"it has more than {MAX_TOOLS} tools; name those to use in "
            f"tools = [...] of [mcp.servers.{server.name}]"
        )
    names = build_call_names(server.name, chosen)
    return McpListing(
        tools={name: _build_tool(server, each, names[name]) for name, each in chosen.items()},
        problems=wrong,
        left_out=left_out,
    )


def build_call_names(server: str, names: Iterable[str]) -> Mapping[str, str]:
    """Return names for models, `SERVER__TOOL`: safe, short enough, and each another."""
    plain = {name: _UNSAFE.sub("_", f"{server}__{name}") for name in names}
    count = Counter(plain.values())
    return {
        name: call_name
        if len(call_name) <= _MAX_CALL_NAME
        and (count[call_name] == 1 or call_name == f"{server}__{name}")
        else _shorten_call_name(call_name, name)
        for name, call_name in plain.items()
    }


def clean_text(text: str, most: int) -> str:
    """Return text without control, formatting and unassigned characters, cut if it is too long.

    Characters that nobody sees are a way to tell a model what no person reads.
    """
    shown = "".join(
        each if each in "\n\t" or unicodedata.category(each)[0] != "C" else ""
        for each in text[: 4 * most]
    ).strip()
    return shown if len(shown) <= most else f"{shown[: most - 4]} ..."


def describe_names(names: Iterable[str]) -> str:
    """Return names as text, the first of many."""
    known = sorted(clean_text(each, 100) for each in names)
    more = f" and {len(known) - 20} more" if len(known) > 20 else ""
    return (", ".join(known[:20]) + more) or "none"


def _find_exclusion(server: McpServer, tool: ListedTool) -> str | None:
    """Return why the operator does not want a tool, or None."""
    where = f"[mcp.servers.{server.name}]"
    if not server.allows(tool.name):
        return f"tools = [...] of {where} does not name it"
    if server.is_read_only and not tool.is_read_only:
        return f"{where} has read_only = true, and the server does not say that it only reads"
    return None


def _find_problem(tool: ListedTool, chosen: Mapping[str, ListedTool]) -> str | None:
    """Return why a tool cannot be used, or None."""
    name = tool.name
    has_size = 0 < len(name) <= _MAX_NAME
    if not has_size or not name.isprintable() or any(each.isspace() for each in name):
        return f"its name has spaces, control characters or more than {_MAX_NAME} characters"
    if name in chosen:
        return "it is listed twice; the first is used"
    problem = check_schema(tool.input_schema)
    return None if problem is None else f"its inputSchema: {problem}"


def _clean_schema(value: Any) -> Any:
    """Return a schema whose descriptions are cleaned like those of tools."""
    if isinstance(value, Mapping):
        return {
            name: clean_text(each, MAX_DESCRIPTION)
            if name in _TEXTS and isinstance(each, str)
            else _clean_schema(each)
            for name, each in value.items()
        }
    return [_clean_schema(each) for each in value] if isinstance(value, list) else value


def _find_quickly(schema: Mapping[str, Any], data: Any) -> str | None:
    """Return how data do not fit a schema, or None also if that could take long."""
    return find_mismatch(schema, data) if is_quick(schema, data) else None


def _build_tool(server: McpServer, tool: ListedTool, call_name: str) -> McpTool:
    offered = OfferedTool(
        name=write_mcp_name(server.name, tool.name),
        call_name=call_name,
        description=clean_text(tool.description, MAX_DESCRIPTION),
        parameters=_clean_schema(tool.input_schema),
        source="mcp",
        is_idempotent=tool.is_read_only or tool.is_idempotent or tool.name in server.idempotent,
        needs_approval=server.needs_approval(tool.name),
        seconds=server.seconds,
        sends_to=server.other_host,
    )
    return McpTool(listed=tool, offered=offered)


def _shorten_call_name(call_name: str, name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_IN_NAME]
    return f"{call_name[: _MAX_CALL_NAME - _DIGEST_IN_NAME - 1]}_{digest}"
