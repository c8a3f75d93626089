"""Runs the work of a command with the Supabase of its project, after a question if need be."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import typer

from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import neutralize
from cogo.wiring.stores import Client, build_cli_operator, open_client, open_supabase_store
from protocol.store.operator import set_operator
from protocol.transport.supabase_store import SupabaseStore

_T = TypeVar("_T")


def run_with_store(
    project: Project | Path | None, work: Callable[[SupabaseStore], Awaitable[_T]]
) -> _T:
    """Run `work` with the store of a project, or of the one that uses a state directory.

    Raises what `Project.find` and `find_connection` raise.
    """
    connection = find_connection(_find(project))

    async def run() -> _T:
        set_operator(build_cli_operator())
        async with open_supabase_store(connection) as store:
            return await work(store)

    return asyncio.run(run())


def run_with_client(project: Project | Path | None, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Run `work` with the store and the bus; otherwise as `run_with_store`."""
    connection = find_connection(_find(project))

    async def run() -> _T:
        set_operator(build_cli_operator())
        async with open_client(connection) as client:
            return await work(client)

    return asyncio.run(run())


def confirm_action(question: str, *, yes: bool, as_json: bool) -> None:
    """Raise CommandError unless a person confirms the action, or `yes` does."""
    if yes:
        return
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(f"nobody was asked: {question}", hint="--yes goes on without asking")
    if not typer.confirm(neutralize(question), default=False, err=True):
        raise CommandError("nothing was done")


def _find(project: Project | Path | None) -> Project:
    return project if isinstance(project, Project) else Project.find(project)
