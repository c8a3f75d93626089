"""`cogo models rm|update`, and the list of installed models."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from cogo.cli.local_models.pull import Yes, find_order, pull_by_server, pull_file
from cogo.cli.local_models.servers import (
    FoundModel,
    explain_weights,
    list_kept,
    open_servers,
)
from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.config.local_model import (
    find_served_model,
    forget_port,
    hold_reservations,
    is_process_running,
    remove_served_model,
)
from cogo.errors import CommandError, UsageError
from cogo.local_model.library import (
    InstalledModel,
    find_installed_model,
    list_installed_models,
    remove_model,
)
from cogo.local_model.measured import MeasuredReader, forget_measured
from cogo.local_model.pull import count_all_partials, get_partial_directory
from cogo.local_model.sources import Means
from cogo.terminal import neutralize, print_json, print_line, print_table, print_text

_UNLOAD_SECONDS: Final = 15.0
Force = Annotated[bool, typer.Option("--force", help="Unload it first if it is in use.")]
ModelNames = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Names of installed models.")
]


def remove(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an installed model.")],
    force: Force = False,
    yes: Yes = False,
    directory: Dir = None,
) -> None:
    """Delete a model from this machine.

    Asks first. A model that is being served, or is loaded in Ollama, is deleted only with --force.

    Examples:
        cogo models rm smollm2
        cogo models rm ollama/llama3.1:8b --yes
        cogo models rm Qwen2.5-0.5B-Instruct-Q4_K_M --force
    """
    found = find_installed_model(name)
    kept = None
    with explain_weights():
        if found is None:
            kept = asyncio.run(_find_kept(Project.find(directory), name))
        size = found.size if found else (kept.model.size or 0) if kept else 0
        if not yes:
            _ask(name, size)
        if found is not None:
            remove_local_model(found, force=force)
        elif kept is not None:
            asyncio.run(_remove_kept(Project.find(directory), kept, force=force))


def _ask(name: str, size: int) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("nothing can be asked here: pass --yes to delete it")
    question = neutralize(f"Delete {name} ({size / 1e6:,.0f} MB)?")
    if not typer.confirm(question, default=False, err=True):
        raise typer.Exit(1)


def remove_local_model(model: InstalledModel, *, force: bool) -> None:
    """Delete a model of llama.cpp, and say so. Raises CommandError if it is served."""
    served = find_served_model(model.alias)
    if served is not None:
        if not force:
            raise CommandError(
                f"{model.alias} is being served by process {served.supervisor}: stop it first, or "
                "pass --force"
            )
        with hold_reservations() as folder:
            remove_served_model(folder, model.alias)  # its supervisor then stops the server
        _wait_until_ended(model.alias, served.pid)
    freed = remove_model(model)
    forget_measured(model.lane)
    forget_port(model.alias)
    print_line(f"removed      {model.alias} ({freed / 1e6:,.0f} MB)")


def _wait_until_ended(alias: str, pid: int | None) -> None:
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _UNLOAD_SECONDS
    while is_process_running(pid):
        if time.monotonic() > deadline:
            raise CommandError(f"{alias} did not unload; end process {pid} and try again")
        time.sleep(0.1)


async def _find_kept(project: Project, name: str) -> FoundModel:
    """Return a model of Ollama or LM Studio by its name. Raises UsageError."""
    async with open_servers(project) as servers:
        kept = await list_kept(servers)
    found = [each for each in kept if name in {each.lane, each.model.name}]
    found = found or [each for each in kept if f"{name}:latest" in {each.lane, each.model.name}]
    if len(found) == 1:
        return found[0]
    names = ", ".join([*(each.alias for each in list_installed_models()), *(e.lane for e in kept)])
    problem = "is the name of two models" if found else "is not installed"
    raise UsageError(f"{name!r} {problem}; there are {names or 'none'}")


async def _remove_kept(project: Project, kept: FoundModel, *, force: bool) -> None:
    async with open_servers(project) as servers:
        server = servers[Means(kept.server.name)]
        if kept.model.loaded:
            if not force:
                raise CommandError(f"{kept.lane} is loaded: pass --force to unload it first")
            await server.unload(kept.model.name)
        await server.delete(kept.model.name)
    forget_measured(kept.lane)
    print_line(f"removed      {kept.lane}")


def update(
    *,
    names: ModelNames = None,
    yes: Yes = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Download the new versions of models, all installed ones by default.

    Says what changed. The old file stays until the new one is verified.

    Examples:
        cogo models update
        cogo models update ollama/llama3.1:8b
    """
    project = Project.find(directory)
    with explain_weights():
        asyncio.run(_update(project, names or [], yes=yes, as_json=as_json))


async def _update(project: Project, names: list[str], *, yes: bool, as_json: bool) -> None:
    async with open_servers(project) as servers:
        kept = await list_kept(servers)
    if names:
        own = [found for name in names if (found := find_installed_model(name)) is not None]
        others = [
            await _find_kept(project, name) for name in names if find_installed_model(name) is None
        ]
    else:
        own, others = list_installed_models(), kept
    for model in own:
        await _update_file(project, model, yes=yes, as_json=as_json)
    for each in others:
        await _update_kept(project, each, as_json=as_json)
    if not own and not others:
        print_text("no model is installed; `cogo models pull smollm2` gets one")


async def _update_file(
    project: Project, model: InstalledModel, *, yes: bool, as_json: bool
) -> None:
    if not model.source.startswith("hf:"):
        why = "comes with COGO" if model.is_package else "comes from a URL with a fixed checksum"
        _say(model.alias, "current", why, as_json=as_json)
        return
    order = replace(await find_order(project, model.source, None), alias=model.alias)
    if order.sha256 == model.sha256 and model.check_file() == "verified":
        _say(model.alias, "current", f"sha256 {order.sha256[:12]}", as_json=as_json)
        return
    before = f"{(model.sha256 or '-')[:12]}, {model.size / 1e6:,.0f} MB"
    now = f"{order.sha256[:12]}, {(order.size or 0) / 1e6:,.0f} MB"
    _say(model.alias, "changed", f"{before} -> {now}", as_json=as_json)
    await pull_file(order, yes=yes, as_json=as_json)
    if find_served_model(model.alias) is not None:
        print_text(f"{model.alias} is served from the old file until it is next loaded", err=True)


async def _update_kept(project: Project, kept: FoundModel, *, as_json: bool) -> None:
    means = Means(kept.server.name)
    if means is Means.LM_STUDIO:
        _say(kept.lane, "skipped", "LM Studio updates models in its window", as_json=as_json)
        return
    async with open_servers(project) as servers:
        await pull_by_server(servers[means], means, kept.model.name, as_json=as_json)
        now = {each.name: each.digest for each in await servers[means].list_models()}
    digest = now.get(kept.model.name)
    if digest == kept.model.digest:
        _say(kept.lane, "current", f"digest {(digest or '-')[:12]}", as_json=as_json)
    else:
        change = f"digest {(kept.model.digest or '-')[:12]} -> {(digest or '-')[:12]}"
        _say(kept.lane, "changed", change, as_json=as_json)


def _say(name: str, state: str, detail: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"model": name, "state": state, "detail": detail})
    else:
        print_line(f"{state:<13}{name}   {detail}")


async def collect_installed(project: Project) -> list[dict[str, Any]]:
    """Return the models on this machine's disk, of llama.cpp, Ollama and LM Studio."""
    measured = MeasuredReader()
    rows: list[dict[str, Any]] = []
    for model in list_installed_models():
        served = find_served_model(model.alias)
        facts = None
        with suppress(CommandError):
            facts = model.read_facts()
        rows.append(
            {
                "id": model.lane,
                "size": model.size,
                "quantization": facts and facts.quantization,
                "checksum": model.check_file(),
                "served": served is not None and served.url is not None,
                "source": model.source,
                "measured": measured(model.lane),
            }
        )
    async with open_servers(project) as servers:
        rows += [
            {
                "id": kept.lane,
                "size": kept.model.size,
                "quantization": kept.model.quantization,
                "checksum": f"its server's ({(kept.model.digest or '-')[:12]})",
                "served": bool(kept.model.loaded),
                "source": kept.server.name,
                "measured": measured(kept.lane),
            }
            for kept in await list_kept(servers)
        ]
    return rows


def print_installed(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print the installed models."""
    if as_json:
        print_json(rows)
        return
    if left := count_all_partials():
        print_text(
            f"{left / 1e6:,.0f} MB of downloads that were interrupted are in "
            f"{get_partial_directory()}: pull the same again to go on, or delete the folder",
            err=True,
        )
    if not rows:
        print_text("no model is installed here; `cogo models pull smollm2` gets a small one")
        return
    print_table(
        ("MODEL", "SIZE", "QUANT", "CHECKSUM", "SERVED", "TOKENS/S", "TOOLS"),
        [
            (
                row["id"],
                f"{row['size'] / 1e6:,.0f} MB" if row["size"] else "-",
                row["quantization"] or "-",
                row["checksum"],
                "yes" if row["served"] else "no",
                f"{row['measured'].tokens_per_s:.0f}" if row["measured"] else "-",
                {True: "yes", False: "no", None: "-"}[
                    row["measured"].calls_tools if row["measured"] else None
                ],
            )
            for row in rows
        ],
        drop=("CHECKSUM", "QUANT"),
    )
