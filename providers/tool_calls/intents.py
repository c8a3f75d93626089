"""Sentences that name a tool with arguments instead of calling it."""

import re
from typing import Final

from providers.tool_calls.messages import Intent
from providers.tool_calls.toolset import Toolset

_VERB: Final = re.compile(
    r"(?i)\b(?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)|run(?:ning)?|execut(?:e|ing)|i'll|let me)\b"
)
_CODE: Final = re.compile(r"```")
_ARGUMENT: Final = re.compile(r"\w[\"'`]?\s*[=:]\s*[\w\"'`\[{-]")
_LONGEST: Final = 2_000


def find_intent(content: str, tools: Toolset) -> Intent | None:
    """Return the first line that says which tool to use with which arguments, if any."""
    if not any(name in content for name in tools.names):
        return None
    in_code = False
    for line in content.splitlines():
        if _CODE.match(line.lstrip()):
            in_code = not in_code
        elif not in_code and (name := _find_name(line[:_LONGEST], tools)):
            return Intent(name, line.strip()[:_LONGEST])
    return None


def _find_name(line: str, tools: Toolset) -> str | None:
    if not _VERB.search(line):
        return None
    for name in tools.names:
        match = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", line)
        if match is None:
            continue
        rest = line[match.end() :]
        for parameter in tools.list_parameters(name):
            named = re.search(rf"(?<![\w-]){re.escape(parameter)}(?![\w-])", rest)
            if named and _ARGUMENT.match(rest, named.end() - 1):
                return name
    return None
