"""Tools that list, read and search the files of the task. They see nothing else."""

import fnmatch
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import Field, JsonValue

from agents.extraction.paths import check_file_path
from agents.tools.own.offer import (
    MAX_SHOWN,
    ToolArguments,
    build_error_output,
    describe_own_tool,
    parse_tool_arguments,
)
from agents.tools.own.text_process import TextTaskFailed, search_texts
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput

MAX_READ: Final = 24_000
"""Characters of one answer."""
MAX_LISTED: Final = 500
MAX_MATCHES: Final = 100
_CONTEXT: Final = "code_context.txt"
"""The path of the task's context, if the task does not name its file."""


def list_task_files(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts that a task has brought, by path."""
    found: dict[str, str] = {}
    for name in ("files", "tests"):
        given = params.get(name)
        for path, text in given.items() if isinstance(given, Mapping) else ():
            if isinstance(path, str) and isinstance(text, str) and _is_inside(path):
                found[str(PurePosixPath(path))] = text
    context, target = params.get("code_context"), params.get("target_file")
    if isinstance(context, str) and context:
        is_named = isinstance(target, str) and _is_inside(target)
        found.setdefault(str(PurePosixPath(str(target))) if is_named else _CONTEXT, context)
    return dict(sorted(found.items()))


def _is_inside(path: str) -> bool:
    try:
        check_file_path(path)
    except ValueError:
        return False
    return True


class _ListArguments(ToolArguments):
    pattern: str | None = Field(
        default=None,
        max_length=MAX_SHOWN,
        description="Only paths like this, such as `src/*.py`; `*` crosses folders.",
    )


class ListFiles:
    """Lists the files of the task."""

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""
        text = "List the files of the task's repository that you can read, with their sizes."
        return describe_own_tool("list_files", _ListArguments, text, seconds=10)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Return paths and sizes."""
        asked = parse_tool_arguments(_ListArguments, arguments)
        files = list_task_files(context.params)
        chosen = _match(files, asked.pattern)
        listed: list[JsonValue] = [
            {"path": path, "characters": len(text), "lines": text.count("\n") + 1}
            for path, text in list(chosen.items())[:MAX_LISTED]
        ]
        content: dict[str, JsonValue] = {"files": listed}
        if len(chosen) > MAX_LISTED:
            content["cut"] = f"{len(chosen) - MAX_LISTED} more files; give a pattern"
        if not files:
            content["note"] = "The task has no files."
        return ToolOutput(content=content)


class _ReadArguments(ToolArguments):
    path: str = Field(max_length=1_000)
    first_line: int = Field(default=1, ge=1, le=10_000_000)
    last_line: int | None = Field(default=None, ge=1, le=10_000_000)


class ReadFile:
    """Reads a file of the task."""

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""
        text = "Read a file of the task's repository, or some of its lines."
        return describe_own_tool("read_file", _ReadArguments, text, seconds=10)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Return lines of a file."""
        asked = parse_tool_arguments(_ReadArguments, arguments)
        files = list_task_files(context.params)
        text = files.get(str(PurePosixPath(asked.path)))
        if text is None:
            return build_error_output(_explain_missing(asked.path, files))
        lines = text.splitlines(keepends=True)
        last = min(asked.last_line or len(lines), len(lines))
        if asked.first_line > max(last, 1):
            return build_error_output(f"the file has {len(lines)} lines")
        part = "".join(lines[asked.first_line - 1 : last])
        content: dict[str, JsonValue] = {"lines": len(lines), "first_line": asked.first_line}
        if len(part) > MAX_READ:
            part = part[:MAX_READ]
            reached = asked.first_line + part.count("\n")
            content["cut"] = f"it goes on in line {reached}; ask for it with first_line"
        return ToolOutput(content={**content, "text": part})


class _SearchArguments(ToolArguments):
    query: str = Field(min_length=1, max_length=1_000)
    is_regex: bool = Field(
        default=False,
        description="Whether the query is a regular expression of Python, not a text.",
    )
    ignore_case: bool = False
    pattern: str | None = Field(
        default=None,
        max_length=MAX_SHOWN,
        description="Only in paths like this, such as `src/*.py`; `*` crosses folders.",
    )


class SearchFiles:
    """Searches the files of the task."""

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""
        text = (
            "Search the files of the task's repository for a text or a regular expression, line "
            f"by line; at most {MAX_MATCHES} lines are returned."
        )
        return describe_own_tool("search_files", _SearchArguments, text, seconds=30)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Return lines that match."""
        asked = parse_tool_arguments(_SearchArguments, arguments)
        files = _match(list_task_files(context.params), asked.pattern)
        if asked.is_regex:
            try:
                found = await search_texts(
                    files, asked.query, ignore_case=asked.ignore_case, most=MAX_MATCHES + 1
                )
            except TextTaskFailed as error:
                return build_error_output(str(error))
        else:
            matches = _find_text(files, asked.query, ignore_case=asked.ignore_case)
            found = [each for each, _ in zip(matches, range(MAX_MATCHES + 1), strict=False)]
        listed: list[JsonValue] = [
            {"path": path, "line": line, "text": text} for path, line, text in found[:MAX_MATCHES]
        ]
        content: dict[str, JsonValue] = {"matches": listed}
        if len(found) > MAX_MATCHES:
            content["cut"] = "there are more; search for less, or give a pattern"
        return ToolOutput(content=content)


def _find_text(
    files: Mapping[str, str], query: str, *, ignore_case: bool
) -> Iterator[tuple[str, int, str]]:
    wanted = query.casefold() if ignore_case else query
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if wanted in (line.casefold() if ignore_case else line):
                yield path, number, line[:MAX_SHOWN]


def _match(files: Mapping[str, str], pattern: str | None) -> dict[str, str]:
    if pattern is None:
        return dict(files)
    wanted = pattern.removeprefix("./")
    return {path: text for path, text in files.items() if fnmatch.fnmatchcase(path, wanted)}


def _explain_missing(path: str, files: Mapping[str, str]) -> str:
    if not _is_inside(path):
        return "the path must be inside the repository, such as src/report.py"
    near = get_close_matches(path, files, n=3, cutoff=0.4) or list(files)[:3]
    there = f"; there are, for example, {', '.join(near)}" if near else "; the task has no files"
    return f"there is no file {path[:MAX_SHOWN]!r}{there}"
