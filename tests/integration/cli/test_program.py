"""The program itself: imports, help, exit codes and errors."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cogo.cli.app import run
from cogo.cli.command import Command, split_help
from cogo.cli.commands import COMMANDS
from cogo.config.settings import CHECKOUT
from tests.support.servers.command_line import cogo, cogo_program, environment

HEAVY = ("pydantic", "supabase", "httpx", "openai", "anthropic", "asyncpg", "rich", "agents")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import json, sys; from cogo.cli.app import run; run(['--help']);"
        "print(json.dumps(sorted(sys.modules)))"
    )

    shown = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout

    modules = json.loads(shown.splitlines()[-1])
    assert not {name.partition(".")[0] for name in modules} & set(HEAVY)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.path)
def test_every_command_has_its_summary_and_examples(command: Command) -> None:
    text, examples = split_help(command.load())

    assert text.splitlines()[0] == command.summary
    assert examples
    named = rf"\bcogo .*({command.name}|{command.group or command.name})"
    assert all(re.search(named, line) for line in examples)


def test_the_help_of_a_command_ends_with_its_examples(tmp_path: Path) -> None:
    shown = cogo_program("migrate", "--help", home=tmp_path).stdout

    assert "Examples:\n    cogo migrate" in shown


def test_ctrl_c_while_modules_are_loaded_leaves_no_traceback() -> None:
    program = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cogo.cli.tasks.submit': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "sys.argv = ['cogo', 'submit', 'x']\n"
        "from cogo.__main__ import main\n"
        "main()\n"
    )

    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if not each.passes_options], ids=lambda each: each.path
)
def test_wrong_usage_of_every_command_is_2(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.path.split(), "--no-such-option"]) == 2
    assert "Usage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "run", "run x --follow last", "run x --max-usd much", "run x --deadline 0",
        "run x --params [1]", "run x --params {", "run x --test true --test false",
        "swarm", "swarm debate", "swarm chess x", "swarm debate x --follow y",
        "swarm auto x --confirm-above-usd -1", "submit", "submit x --budget much",
        "submit x --schema {", "estimate x --budget -1", "sandbox run", "approve",
        "eval humaneval --data .", "eval debate --price a=1", "eval debate --limit 0",
        "demo --local-model --simulate", "up --local-model --simulate", "tasks show",
        "workflows play CHAT --param 7", "memory search", "keys create --scope nothing",
        "supabase start --host my_machine", "supabase start --host 0.0.0.0",
        "serve gateway --host my_machine", "serve executor --simulator-url localhost",
        "mcp --url cogo.example.com", "mcp serve --url http://", "mcp --url https://a:port",
        "mcp install claude --url ftp://cogo.example.com", "approvals link x --gateway here",
        "migrate --db-url nonsense", "keys create --name x --expires soon",
        "models pull https://127.0.0.1/m.gguf", "models pull hf:owner --with llamacpp",
        "models pull smollm2 --sha256 1", "models pull hf:a/b/c.bin", "models pull hf:a/b --as .x",
        "models serve unknown", "models rm unknown --yes", "models show unknown",
        "tools call unknown", "tools example unknown",
        "workflows example unknown", "workflows play UNKNOWN", "memory search x --owner me",
        "submit x --repo /nonexistent --target-file a.py",
        "submit x --schema /nonexistent", "eval humaneval --data /nonexistent --live",
        "eval debate --recorded /nonexistent", "eval debate --questions /nonexistent",
        "eval routing /nonexistent", "eval simulation unknown", "eval simulation --policy mine",
    ],
)  # fmt: skip
def test_options_that_cannot_be_meant_are_wrong_usage(tmp_path: Path, line: str) -> None:
    ended = cogo(*(each.replace("_", " ") for each in line.split()), home=tmp_path)

    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    assert "unexpected" not in ended.stderr


def test_an_unknown_command_is_a_usage_error(tmp_path: Path) -> None:
    ended = cogo_program("frobnicate", home=tmp_path)

    assert ended.returncode == 2
    assert "frobnicate" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["keys", "--help"], 0), (["frobnicate"], 2)]
)
def test_a_reader_that_went_away_changes_no_exit_code_and_is_not_reported(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread, (tmp_path / "errors").open("w+b") as errors:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "cogo", *arguments],
            stdout=unread,
            stderr=unread if code else errors,
            cwd=tmp_path,
            env=environment(tmp_path),
            check=False,
            timeout=60,
        )

    assert ended.returncode == code
    assert (tmp_path / "errors").read_bytes() == b""


@pytest.mark.parametrize(
    ("closed", "is_printed"),
    [("<&-", True), (">&-", False), ("2>&-", True), ("<&- >&- 2>&-", False)],
)
def test_a_closed_stream_is_no_error(closed: str, tmp_path: Path, *, is_printed: bool) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'"$0" -P -m cogo models {closed}', sys.executable],
        capture_output=True, text=True, env=environment(tmp_path), check=False, timeout=30,
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")
    assert bool(ended.stdout) is is_printed


def test_an_error_is_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    ended = cogo_program("migrate", "--dir", str(tmp_path), home=tmp_path)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "cogo up" in ended.stderr


def test_debug_adds_the_traceback_wherever_it_stands(tmp_path: Path) -> None:
    assert (
        "Traceback"
        in cogo_program("migrate", "--debug", "--dir", str(tmp_path), home=tmp_path).stderr
    )


def test_an_address_without_a_database_address_names_the_variable(tmp_path: Path) -> None:
    ended = cogo_program("migrate", home=tmp_path, SUPABASE_URL="https://project.example")

    assert ended.returncode == 78
    assert "SUPABASE_DB_URL is not set" in ended.stderr
    assert "postgresql://postgres:" in ended.stderr


def test_a_warning_within_a_command_is_a_plain_line_without_secrets(tmp_path: Path) -> None:
    program = (
        "import sys; from cogo.__main__ import main; from loguru import logger\n"
        "sys.argv[1:] = ['trust', '--list']\n"
        "try:\n    main()\nexcept SystemExit:\n"
        "    key = 'sk-ant-api03-' + 'a1b2c3d4' * 6\n"
        "    logger.warning(f'\\x1b[31m refused: {key}')\n"
        "    try:\n        {}[key]\n"
        "    except KeyError:\n        logger.exception('failed')\n"
    )

    said = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd=tmp_path,
        env=environment(tmp_path),
    ).stderr

    assert r"WARNING \x1b[31m refused: " in said
    assert "ERROR   failed" in said
    assert "a1b2c3d4a1b2" not in said
    assert "\x1b" not in said
    assert "__main__:" not in said


@pytest.mark.parametrize("search_path", ["", ":/elsewhere", "."])
def test_code_in_the_working_directory_is_not_ours(
    search_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", search_path)
    hostile = "open('ran', 'w').close(); raise ImportError('the wrong one')"
    for name in ("agents", "cogo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(hostile)
    (tmp_path / "sitecustomize.py").write_text(hostile)

    shown = subprocess.run(
        [CHECKOUT / "scripts" / "cogo", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=30,
    )

    assert shown.stdout.startswith("cogo "), shown.stderr
    assert not (tmp_path / "ran").exists()


def test_a_package_of_another_distribution_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").touch()
    metadata = tmp_path / "other_agents-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-agents\nVersion: 1.0\n")
    (metadata / "top_level.txt").write_text("agents\n")
    (metadata / "RECORD").write_text("agents/__init__.py,,\n")

    given = {
        "PYTHONPATH": str(tmp_path),
        "SUPABASE_URL": "http://127.0.0.1:1",
        "SUPABASE_SECRET_KEY": "sb_secret_of_nobody",
    }
    served = cogo_program("serve", "executor", home=tmp_path, **given)
    examined = cogo_program("doctor", home=tmp_path, **given)

    assert served.returncode == 78
    assert "other-agents" in served.stderr
    assert "uv tool install cogo" in served.stderr
    assert "missing packages: 'agents' also from other-agents" in examined.stdout


def test_the_home_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = cogo_program("up", "--dir", str(tmp_path / "file" / ".cogo"), home=tmp_path)

    assert ended.returncode == 1
    assert "COGO_HOME" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
