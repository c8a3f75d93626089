"""Where assistants keep their servers."""

from pathlib import Path, PurePath

import pytest

from cogo.cli.mcp.assistants import (
    Assistant,
    SettingsScope,
    build_entry,
    find_settings_file,
    get_group,
)
from protocol.errors import InvalidArgument

HOME = Path("/home/ada")


@pytest.mark.parametrize(
    ("assistant", "platform", "file"),
    [
        ("claude", "linux", ".claude.json"),
        ("cursor", "win32", ".cursor/mcp.json"),
        ("vscode", "linux", ".config/Code/User/mcp.json"),
        ("vscode", "darwin", "Library/Application Support/Code/User/mcp.json"),
        ("vscode", "win32", "AppData/Roaming/Code/User/mcp.json"),
        (
            "claude-desktop",
            "darwin",
            "Library/Application Support/Claude/claude_desktop_config.json",
        ),
    ],
)
def test_each_assistant_has_a_file_on_each_system(assistant: str, platform: str, file: str) -> None:
    found = find_settings_file(
        Assistant(assistant),
        SettingsScope.USER,
        home=HOME,
        config=HOME / ".config",
        directory=Path("/work"),
        platform=platform,
    )

    assert found == HOME / file


def test_a_project_has_files_of_its_own_but_not_for_a_desktop() -> None:
    def find(assistant: Assistant) -> Path:
        return find_settings_file(
            assistant, SettingsScope.PROJECT, home=HOME, config=HOME, directory=Path("/work")
        )

    assert [
        str(find(each)) for each in Assistant if each is not Assistant.CLAUDE_DESKTOP
    ] == ["/work/.mcp.json", "/work/.cursor/mcp.json", "/work/.vscode/mcp.json"]  # fmt: skip
    with pytest.raises(InvalidArgument, match="no settings of a project"):
        find(Assistant.CLAUDE_DESKTOP)


def test_an_entry_starts_the_server_of_the_project_or_of_a_gateway() -> None:
    here = build_entry(Assistant.VSCODE, ["/bin/cogo"], url=None, home=PurePath("/p/.cogo"))
    there = build_entry(
        Assistant.CLAUDE_DESKTOP, ["/bin/py", "-m", "cogo"], url="https://x", home=PurePath("/p")
    )

    assert here == {"type": "stdio", "command": "/bin/cogo", "args": ["mcp", "--dir", "/p/.cogo"]}
    assert there == {"command": "/bin/py", "args": ["-m", "cogo", "mcp", "--url", "https://x"]}
    assert {get_group(each) for each in Assistant} == {"servers", "mcpServers"}
