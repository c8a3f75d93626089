"""`cogo tools`: what it lists, shows, checks and calls."""

import json
import re
import sys
from pathlib import Path

import pytest

from cogo.cli.app import run
from tests.support.mcp.hosts import HOSTILE

FUNCTIONS = '''
from cogo.workflows import tool


@tool(idempotent=True)
def lookup(order: int) -> str:
    """Find an order.

    By its number.
    """
    return f"order {order}"
'''


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_SANDBOX", "off")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop_tools.py").write_text(FUNCTIONS, "utf-8")
    return tmp_path


@pytest.fixture
def servers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-I", str(HOSTILE), str(project / "log")]
    text = f"""
[tools]
modules = ["shop_tools"]
[mcp.servers.bad]
command = {json.dumps(command[0])}
args = {json.dumps(command[1:])}
tools = ["echo", "says_error", "image", "missing"]
approval = ["echo"]
[mcp.servers.dead]
command = {json.dumps(command[0])}
args = {json.dumps([*command[1:], "refuses"])}
"""
    file = project / "all.toml"
    file.write_text(text, "utf-8")
    monkeypatch.setenv("COGO_CATALOGUE", str(file))


@pytest.mark.usefixtures("servers")
def test_all_tools_are_listed_and_what_cannot_be_used_is_explained(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(["tools", "list", "--json"]) == 0

    found = json.loads(capfd.readouterr().out)
    own = {each["name"] for each in found["tools"] if each["source"] == "cogo"}
    assert {"cogo:ask_person", "cogo:list_files"} <= own
    assert found["not_here"]["cogo:fetch_url"] == "[fetch] allow of cogo.toml names no host"
    assert found["executors"] is None
    assert [each["name"] for each in found["tools"] if each["source"] != "cogo"] == [
        "mcp:bad/echo", "mcp:bad/image", "mcp:bad/says_error", "shop_tools.lookup",
    ]  # fmt: skip
    assert found["problems"].keys() == {"mcp:bad/missing", "mcp:dead"}
    assert found["problems"]["mcp:dead"].endswith("I do not want to")


@pytest.mark.usefixtures("servers")
def test_a_check_fails_while_something_cannot_be_used(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "check"]) == 1

    out, err = capfd.readouterr()
    assert out == "4 tools can be called\n"
    assert "mcp:dead cannot be used: it has ended: exit code 1: I do not want to" in err


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lookup", ["shop_tools.lookup  from a function", "Find an order.", "may run again"]),
        ("cogo:ask_person", ["from cogo, for models ask_person", '"question"']),
        ("mcp:bad/echo", ["from an MCP server, for models bad__echo", "a person's approval"]),
    ],
)
def test_a_tool_is_shown(name: str, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "show", name]) == 0

    out = capfd.readouterr().out
    assert all(each in out for each in words), out


@pytest.mark.parametrize(
    ("name", "started"),
    [
        ("lookup", []),
        ("cogo:ask_person", []),
        ("none", []),
        ("mcp:other", ["other"]),
        ("mcp:other/none", ["other"]),
    ],
)
def test_only_the_server_of_the_name_is_started(
    name: str, started: list[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"
    logs = {each: project / f"{each}.log" for each in ("one", "other")}
    servers = "".join(
        f"[mcp.servers.{each}]\ncommand = {json.dumps(sys.executable)}\n"
        f"args = {json.dumps(['-I', '-S', '-c', program, str(log)])}\n"
        for each, log in logs.items()
    )
    (project / "all.toml").write_text(f'[tools]\nmodules = ["shop_tools"]\n{servers}', "utf-8")
    monkeypatch.setenv("COGO_CATALOGUE", str(project / "all.toml"))

    run(["tools", "show", name])

    assert [each for each, log in logs.items() if log.exists()] == started


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        (["mcp:bad/echo", '{"text": "hi\\u001b[2J"}'], 0, "hi"),
        (["lookup", '{"order": 7}'], 0, "order 7"),
        (["shop_tools.lookup", '{"order": "x"}'], 1, "(invalid_arguments)"),
        (["mcp:bad/says_error"], 1, "it did not work"),
        (["mcp:bad/image"], 0, "and an image: image/png, 8 bytes"),
        (["mcp:bad/hang"], 1, "does not name it (unknown_tool)"),
        (["mcp:dead/echo"], 1, "I do not want to (unknown_tool)"),
        (["mcp:none/echo"], 1, "cogo.toml names no MCP server none"),
        (["none"], 1, "no tool is named none; there are: cogo:ask_person"),
        (["cogo:fetch_url", '{"url": "x"}'], 1, "not offered by this machine: [fetch] allow"),
        (["cogo:list_files"], 0, '"files": []'),
        (["cogo:ask_person", '{"question": "?"}'], 1, "only a model that answers"),
        (["lookup", "7"], 1, "no JSON object"),
        (["lookup", "{"], 1, "no JSON"),
    ],
)
def test_a_tool_is_called(
    words: list[str], code: int, printed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = run(["tools", "call", *words])

    text = "".join(capfd.readouterr())
    assert printed in text, text
    assert "\x1b" not in text
    assert (ended != 0) == (code != 0)


def test_without_tools_it_says_how_to_name_some(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["tools"]) == 0

    out, err = capfd.readouterr()
    assert "[mcp.servers.NAME]" in err.replace("\n", " ")
    assert re.search("cogo:ask_person +this machine +Ask the person", out)


@pytest.fixture
def example(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Make a folder with the example, as a newcomer does."""
    assert run(["tools", "example", "orders"]) == 0
    (project / "orders.py").write_text(capfd.readouterr().out, "utf-8")
    (project / "all.toml").write_text('[tools]\nmodules = ["orders"]\n', "utf-8")
    monkeypatch.setenv("COGO_CATALOGUE", str(project / "all.toml"))


@pytest.mark.usefixtures("example")
def test_the_tools_of_the_example_can_be_called(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "call", "find_orders", '{"customer": "ada"}']) == 0
    assert '"number": "17"' in capfd.readouterr().out
    assert run(["tools", "call", "cancel_order", '{"number": "17"}']) == 0
    assert run(["tools", "call", "cancel_order", '{"number": "99"}']) == 1
    assert "there is no order 99" in capfd.readouterr().err
    assert run(["tools", "call", "find_orders", '{"customer": "Ada"}']) == 0
    assert '"is_cancelled": true' in capfd.readouterr().out
    assert run(["tools", "show", "orders.cancel_order"]) == 0
    assert "waits for a person" in capfd.readouterr().out


def test_examples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "example"]) == 0
    assert "orders  Two tools for models" in capsys.readouterr().out
    assert run(["tools", "example", "none"]) == 2
