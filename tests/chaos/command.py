"""The command behind `scripts/chaos`."""

import argparse
import asyncio
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from loguru import logger

from cogo.config.network import prepare_network
from tests.chaos.backfill import fill_under_deaths
from tests.chaos.mutants import MUTANTS, Mutant
from tests.chaos.report import recoveries, summary, verdict
from tests.chaos.run import Result, Size, run
from tests.chaos.step_kills import (
    Hit,
    Victim,
    kill_at_every_step,
    kill_at_every_step_of_swarms,
    report_steps,
)
from tests.support.servers.postgres import state_directory

Say = Callable[[str], object]

_MUTANT_SIZE: Final = Size(tasks=80, faults=30, seconds=20.0)


def run_command(arguments: Sequence[str], *, description: str | None, say: Say) -> int:
    """Run what the arguments ask for. 0: all is well; 1: a law was broken, or a mutant missed."""
    options = _parser(description).parse_args(arguments)
    prepare_network()
    logger.remove()  # the supervisor tells of every death; that many are no news here
    size = Size(
        seed=options.seed, tasks=options.tasks, faults=options.faults, seconds=options.seconds
    )
    try:
        return asyncio.run(_until_signalled(_choose(options, size, say)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("stopped; nothing is left running")
        return 130


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    size = Size()
    parser.add_argument("--seed", type=int, default=size.seed)
    parser.add_argument("--tasks", type=int, default=size.tasks)
    parser.add_argument("--faults", type=int, default=size.faults)
    parser.add_argument("--seconds", type=float, default=size.seconds)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--steps", action="store_true")
    parser.add_argument("--swarms", action="store_true")
    parser.add_argument("--backfill", action="store_true")
    return parser


def _choose(options: argparse.Namespace, size: Size, say: Say) -> Coroutine[None, None, int]:
    if options.mutants:
        return _run_mutants(size.seed, say)
    if options.steps:
        rounds = [[each] for each in Victim if each is not Victim.GATEWAY]
        return _run_steps(lambda home: kill_at_every_step(home, rounds, say), say)
    if options.swarms:
        deaths = [[each] for each in Victim if each is not Victim.POSTGRES]
        return _run_steps(lambda home: kill_at_every_step_of_swarms(home, deaths, say), say)
    if options.backfill:
        return _run_backfill(size, say)
    return _run_faults(size, say)


async def _until_signalled(work: Coroutine[None, None, int]) -> int:
    me = asyncio.current_task()
    assert me is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, me.cancel)
    return await work


async def _run_faults(size: Size, say: Say) -> int:
    say(f"seed {size.seed}")
    with state_directory() as home:
        result = await run(home, size, say)
        _print(result, say)
        if not result.is_clean:
            say(f"broken with seed {size.seed}; the logs are in {_keep_logs(home)}")
        return 0 if result.is_clean else 1


async def _run_steps(kill: Callable[[Path], Awaitable[tuple[Result, list[Hit]]]], say: Say) -> int:
    with state_directory() as home:
        result, hits = await kill(home)
        say("")
        for line in report_steps(result.history, hits):
            say(line)
        _print(result, say)
        unfinished = [each for each in result.history.tasks.values() if each.status != "completed"]
        for each in unfinished:
            say(f"task {each.id}: {each.status}: {each.error}")
        is_well = result.is_clean and not unfinished
        if not is_well:
            say(f"the logs are in {_keep_logs(home)}")
        return 0 if is_well else 1


async def _run_backfill(size: Size, say: Say) -> int:
    with state_directory() as home:
        filled = await fill_under_deaths(
            home, rows=size.tasks, kills=size.faults, every=size.seconds / size.faults, say=say
        )
        _print(filled.result, say)
        deaths = ", ".join(f"{count} of {victim}" for victim, count in filled.kills.items())
        say(f"{filled.edits} edits; deaths: {deaths}")
        for each in filled.broken:
            say(f"BROKEN {each}")
        if not filled.is_clean:
            say(f"the logs are in {_keep_logs(home)}")
        return 0 if filled.is_clean else 1


def _keep_logs(home: Path) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="cogo-chaos-logs-"))
    shutil.copytree(home / "logs", kept, dirs_exist_ok=True)
    return kept


async def _run_mutants(seed: int, say: Say) -> int:
    missed = 0
    for mutant in MUTANTS:
        with state_directory() as home:
            found = await laws_broken_by(home, mutant, seed)
        is_seen = bool(found.keys() & mutant.reported_as)
        missed += not is_seen
        laws = ", ".join(f"{count} {law}" for law, count in found.items())
        say(f"{'seen  ' if is_seen else 'MISSED'} {mutant.name}: {laws or 'nothing reported'}")
    return 1 if missed else 0


async def laws_broken_by(home: Path, mutant: Mutant, seed: int) -> dict[str, int]:
    """Run a mutant for a short time; give how often each law was broken."""
    size = replace(_MUTANT_SIZE, seed=seed, shares=mutant.shares, settle=mutant.settle)
    result = await run(home, size, lambda _: None, mutant)
    return {law: len(cases) for law, cases in result.broken.items() if cases}


def _print(result: Result, say: Say) -> None:
    for part in (
        summary(result.history, result.diary),
        recoveries(result.history, result.diary),
        verdict(result.broken),
    ):
        say("")
        for line in part:
            say(line)
