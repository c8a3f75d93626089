"""What a start imports: every process pays for it, in time and in memory."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

HEAVY = {
    "PIL", "anthropic", "bs4", "fireworks", "genai_prices", "mcp", "openai", "pinecone", "pypdf",
    "pytest", "redis", "weaviate",
}  # fmt: skip
"""Needed by few tasks, or by processes of their own; imported when they are used."""


def find_imported(program: str, names: Sequence[str]) -> set[str]:
    """Return which packages are imported after a program in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(names) & {name.partition(".")[0] for name in ended.stdout.split()}


@pytest.mark.parametrize(
    "module",
    ["cogo.process.agent", "cogo.process.gateway", "cogo.supervisor.project_calls"],
)
def test_a_process_that_waits_for_work_has_imported_nothing_that_work_may_need(
    module: str,
) -> None:
    assert find_imported(f"import {module}", sorted(HEAVY)) == set()


def test_help_of_the_program_imports_neither_records_nor_clients() -> None:
    program = (
        "from cogo.cli.app import run\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()): assert run(['--help']) == 0"
    )
    clients = ["asyncio", "asyncpg", "httpx", "loguru", "pydantic", "rich", "supabase"]

    assert find_imported(program, [*sorted(HEAVY), *clients]) == set()


@pytest.mark.parametrize("module", ["embedded.service", "simulator.server"])
def test_servers_that_stand_in_for_others_import_no_client(module: str) -> None:
    clients = ["loguru", "rich", "supabase", "typer"]

    assert find_imported(f"import {module}", [*sorted(HEAVY), *clients]) == set()
