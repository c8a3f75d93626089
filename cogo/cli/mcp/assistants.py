"""Where assistants keep their MCP servers, and in which form."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any, Final

from protocol.errors import InvalidArgument


class Assistant(StrEnum):
    """A program that uses MCP servers."""

    CLAUDE = "claude"
    """Claude Code."""
    CLAUDE_DESKTOP = "claude-desktop"
    CURSOR = "cursor"
    VSCODE = "vscode"


class SettingsScope(StrEnum):
    """For which work an entry holds."""

    USER = "user"
    PROJECT = "project"


_PROJECT_FILES: Final = {
    Assistant.CLAUDE: ".mcp.json",
    Assistant.CURSOR: ".cursor/mcp.json",
    Assistant.VSCODE: ".vscode/mcp.json",
}
_USER_FILES: Final = {Assistant.CLAUDE: ".claude.json", Assistant.CURSOR: ".cursor/mcp.json"}
"""Below the home directory, on every system."""
_APP_FILES: Final = {
    Assistant.CLAUDE_DESKTOP: "Claude/claude_desktop_config.json",
    Assistant.VSCODE: "Code/User/mcp.json",
}
"""Below the directory in which the system keeps the settings of applications."""


def find_settings_file(
    assistant: Assistant,
    scope: SettingsScope,
    *,
    home: Path,
    config: Path,
    directory: Path,
    platform: str = sys.platform,
) -> Path:
    """Return the file in which an assistant lists its servers. Raise InvalidArgument.

    `config` is where Linux keeps the settings of applications, usually ~/.config.
    """
    if scope is SettingsScope.PROJECT:
        name = _PROJECT_FILES.get(assistant)
        if name is None:
            raise InvalidArgument(f"{assistant} has no settings of a project", hint="omit --scope")
        return directory / name
    if assistant in _USER_FILES:
        return home / _USER_FILES[assistant]
    folders = {
        "darwin": home / "Library" / "Application Support",
        "win32": home / "AppData" / "Roaming",
    }
    return folders.get(platform, config) / _APP_FILES[assistant]


def get_group(assistant: Assistant) -> str:
    """Return the name of the object that holds the servers."""
    return "servers" if assistant is Assistant.VSCODE else "mcpServers"


def build_entry(
    assistant: Assistant, command: Sequence[str], *, url: str | None, home: PurePath
) -> dict[str, Any]:
    """Return the entry of a server, which the assistant starts itself.

    Also for a gateway: `cogo mcp` takes the key from the environment or the user's `.env`, while
    some assistants do not replace variables in headers, so that a key would stand in their file.
    """
    program, *first = command
    where = ["--dir", str(home)] if url is None else ["--url", url]
    entry = {"command": program, "args": [*first, "mcp", *where]}
    return entry if assistant is Assistant.CLAUDE_DESKTOP else {"type": "stdio", **entry}
