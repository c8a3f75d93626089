"""`cogo mcp install`: files of assistants, of which nothing is lost."""

import json
from pathlib import Path

from tests.support.servers.command_line import cogo

OTHERS = '{\n  // by hand\n  "mcpServers": {"files": {"command": "npx"}},\n  "theme": "dark"\n}\n'


def test_the_entry_is_shown_and_nothing_is_written(tmp_path: Path) -> None:
    shown = cogo("mcp", "install", "cursor", home=tmp_path)

    entry = json.loads(shown.stdout)["mcpServers"]["cogo"]
    assert entry["args"][-3:] == ["mcp", "--dir", str(tmp_path / ".cogo")]
    assert Path(entry["command"]).is_absolute()
    assert f"add this to {tmp_path}/.cursor/mcp.json" in shown.stderr
    assert not (tmp_path / ".cursor").exists()


def test_the_entry_is_merged_and_a_copy_is_kept(tmp_path: Path) -> None:
    file = tmp_path / ".claude.json"
    file.write_text(OTHERS)
    file.chmod(0o640)
    command = ("mcp", "install", "claude", "--write", "--url", "https://cogo.example.com/")

    first = cogo(*command, home=tmp_path, COGO_API_KEY="cogo_abc_secret")
    again = cogo(*command, home=tmp_path, COGO_API_KEY="cogo_abc_secret")
    other = cogo(*command, "--name", "work", home=tmp_path)

    changed = file.read_text()
    assert [each.returncode for each in (first, again, other)] == [0, 0, 0]
    assert "is a copy as it was" in first.stderr
    assert "has this entry already" in again.stderr
    assert (tmp_path / ".claude.json.bak").read_text() == OTHERS
    assert (tmp_path / ".claude.json.bak1").exists()
    assert not (tmp_path / ".claude.json.bak2").exists()
    assert set(OTHERS.splitlines()) - set(changed.splitlines()) == {
        '  "mcpServers": {"files": {"command": "npx"}},'
    }
    for name in ("cogo", "work"):
        assert f'"{name}": {{' in changed
    assert "https://cogo.example.com" in changed
    assert "secret" not in changed + first.stdout + first.stderr
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_linked_file_is_changed_where_it_lies(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "mcp.json"
    real.parent.mkdir()
    real.write_text("{}")
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "mcp.json").symlink_to(real)

    cogo("mcp", "install", "vscode", "--scope", "project", "--write", home=tmp_path)

    assert (tmp_path / ".vscode" / "mcp.json").is_symlink()
    assert json.loads(real.read_text())["servers"]["cogo"]["type"] == "stdio"


def test_a_file_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".cursor" / "mcp.json"
    file.parent.mkdir()
    for content in (b'{"mcpServers": {,}}', b'{"mcpServers": []}', b'{"a": "\xff"}'):
        file.write_bytes(content)

        refused = cogo("mcp", "install", "cursor", "--write", home=tmp_path)

        assert refused.returncode == 1
        assert "was left as it is" in refused.stderr
        assert file.read_bytes() == content
    assert [each.name for each in file.parent.iterdir()] == ["mcp.json"]


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    for command in (("mcp", "install", "cursor"), ("mcp",)):
        refused = cogo(*command, "--url", "cogo.example.com", home=tmp_path)

        assert refused.returncode == 2
        assert "is not the address of a server" in refused.stderr
