"""`[mcp.servers.NAME]` of `cogo.toml`: what a server is told, and what is refused."""

from pathlib import Path

import pytest

from agents.tools.mcp import McpServer
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.sections.check import check_overlay
from cogo.config.sections.mcp_servers import find_mcp_servers
from cogo.config.settings import Settings, config_directory
from cogo.config.trust import TrustStore
from cogo.doctor.tools import check_mcp
from cogo.errors import SettingInvalid
from providers.catalogue.loader import Overlay

SUPABASE = """
[mcp.servers.supabase]
command = "npx"
args = ["-y", "server", "--project-ref=${PROJECT_REF}"]
env = { SUPABASE_ACCESS_TOKEN = "${SUPABASE_ACCESS_TOKEN}", LEVEL = "debug" }
tools = ["list_tables", "execute_sql"]
approval = ["execute_sql"]
read_only = true
timeout = 30
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("COGO_CATALOGUE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PROJECT_REF", "abcdef")
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", "a-personal-token")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key-of-the-agent")
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def read(folder: Path, text: str, *, trusted: bool = True) -> dict[str, McpServer]:
    (folder / "cogo.toml").write_text(text, "utf-8")
    if trusted:
        config = config_directory()
        TrustStore.load(config).with_folder(folder).save(config)
    project = Project(settings=Settings.load(folder), home=folder, directory=folder)
    assert load_catalogue(project).models
    return {each.name: each for each in find_mcp_servers(project)}


def test_a_command_gets_what_it_is_given_and_no_key_of_ours(folder: Path) -> None:
    server = read(folder, SUPABASE)["supabase"]

    assert server.command == ("npx", "-y", "server", "--project-ref=abcdef")
    assert server.environment["SUPABASE_ACCESS_TOKEN"] == "a-personal-token"
    assert server.environment["LEVEL"] == "debug"
    assert "PATH" in server.environment
    assert "ANTHROPIC_API_KEY" not in server.environment
    assert set(server.secrets) == {"a-personal-token"}
    assert "a-personal-token" not in repr(server)
    assert (server.cwd, server.seconds, server.is_read_only) == (folder, 30, True)
    assert (server.needs_approval("execute_sql"), server.needs_approval("list_tables")) == (
        True,
        False,
    )


def test_only_a_trusted_file_names_servers(folder: Path) -> None:
    assert read(folder, SUPABASE, trusted=False) == {}


def test_a_url_gets_its_headers(folder: Path) -> None:
    text = """
[mcp.servers.hosted]
url = "https://mcp.example.com/mcp?project_ref=${PROJECT_REF}&read_only=true"
headers = { Authorization = "Bearer ${SUPABASE_ACCESS_TOKEN}", X-Region = "eu" }
approval = true
"""
    server = read(folder, text)["hosted"]

    assert server.url == "https://mcp.example.com/mcp?project_ref=abcdef&read_only=true"
    assert server.headers == {"Authorization": "Bearer a-personal-token", "X-Region": "eu"}
    assert server.needs_approval("anything")
    assert server.environment == {}


def test_a_secret_may_come_from_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPABASE_ACCESS_TOKEN")
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN_FILE", str(folder / "token"))
    (folder / "token").write_text("from-a-file\n", "utf-8")

    server = read(folder, SUPABASE)["supabase"]

    assert server.environment["SUPABASE_ACCESS_TOKEN"] == "from-a-file"
    assert "from-a-file" in server.secrets


def test_a_server_of_the_project_replaces_that_of_the_user(folder: Path) -> None:
    config = config_directory()
    config.mkdir(parents=True)
    text = '[mcp.servers.one]\ncommand = "a"\n[mcp.servers.two]\ncommand = "b"\n'
    (config / "cogo.toml").write_text(text, "utf-8")

    servers = read(folder, '[mcp.servers.two]\nurl = "http://127.0.0.1/mcp"\n')

    assert servers["one"].command == ("a",)
    assert (servers["two"].command, servers["two"].url) == ((), "http://127.0.0.1/mcp")


@pytest.mark.parametrize(
    ("entry", "key", "problem"),
    [
        ("", "", "it needs either command or url"),
        ('command = "a"\nurl = "http://b"', "", "it needs either command or url"),
        ('command = ""', "command", "at least 1 character"),
        ('command = "npx -y server"', "command", "its arguments belong in args"),
        ('command = 7', "command", "valid string"),
        ('command = "a"\nargs = "b"', "args", "valid list"),
        ('command = "a"\narguments = []', "arguments", "there is no such key; there are command"),
        ('command = "a"\nheaders = { a = "b" }', "headers", "belong to a url"),
        ('url = "http://a"\nenv = { A = "b" }', "env", "belongs to a command"),
        ('url = "ftp://a"', "url", "no address such as https"),
        ('url = "https://me:pass@a"', "url", "it contains a secret"),
        ('command = "a"\ntimeout = 0', "timeout", "greater than 0"),
        ('command = "a"\ntimeout = "1 s"', "timeout", "valid number"),
        ('command = "a"\ncwd = "none"', "cwd", "there is no folder"),
        ('command = "a"\ntools = ["x"]\napproval = ["y"]', "approval", "'y' is not among"),
        ('command = "a"\nargs = ["${UNSET_X}"]', "args.0", "UNSET_X is not set"),
        ('command = "a"\nargs = ["${A B}"]', "args.0", "a reference is"),
        ('command = "a"\nenv = { API_KEY = "123" }', "env.API_KEY", "does not belong in the file"),
        ('command = "a"\nenv = { X = "sk-0123456789abcdefghij" }', "env.X", "contains a secret"),
        ('command = "a"\nargs = ["sbp_' + "0" * 40 + '"]', "args.0", "contains a secret"),
        ('url = "https://a"\nheaders = { Cookie = "abcdefgh" }', "headers.Cookie", "not belong"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_explained_with_file_and_key(
    folder: Path, entry: str, key: str, problem: str
) -> None:
    with pytest.raises(SettingInvalid) as error:
        read(folder, f"[mcp.servers.one]\n{entry}\n")

    text = str(error.value)
    assert text.startswith(
        f"{folder / 'cogo.toml'} cannot be used: [mcp.servers.one] {key}".strip()
    )
    assert problem in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[mcp.servers."a/b"]\ncommand = "a"', "a name has at most 32 ASCII letters and digits"),
        ('[mcp.servers.a__b]\ncommand = "a"', "a name has at most 32"),
        ("[mcp]\nserver = {}", "[mcp] has only servers"),
        ("mcp = 1", "[mcp] has only servers"),
        ("[mcp]\nservers = 1", "[mcp] has only servers"),
        ("[mcp.servers]\none = 1", "[mcp.servers.one]"),
    ],
)
def test_a_wrong_section_is_explained(folder: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingInvalid) as error:
        read(folder, text)

    assert problem in str(error.value)


def test_trusting_a_file_tells_what_is_wrong_whatever_is_set() -> None:
    right = SUPABASE.replace("PROJECT_REF", "UNSET_X")

    assert check_overlay(Overlay("cogo.toml", right.encode())) == []
    [wrong] = check_overlay(Overlay("cogo.toml", b"[mcp.servers.one]\ncmd = 1"))
    assert "[mcp.servers.one] cmd: there is no such key" in wrong


async def test_the_doctor_looks_for_programs_and_starts_none(folder: Path) -> None:
    text = (
        '[mcp.servers.gone]\ncommand = "no-such-program"\n[mcp.servers.sh]\ncommand = "sh"\n'
        '[mcp.servers.near]\ncommand = "./here"\n'
    )
    (folder / "here").write_text("#!/bin/sh\n", "utf-8")
    (folder / "here").chmod(0o755)
    read(folder, text)
    project = Project(settings=Settings.load(folder), home=folder, directory=folder)

    checks = [each async for each in check_mcp(project)]

    assert [(each.name, each.status.value) for each in checks] == [
        ("MCP servers", "note"), ("MCP servers", "ok"),
    ]  # fmt: skip
    assert "gone: there is no program no-such-program" in str(checks[0])
    assert "gone, sh, near" in str(checks[1])
