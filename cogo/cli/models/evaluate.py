"""`cogo eval humaneval`: models and workflows on problems with hidden tests."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer

import agents
from agents.sandbox import open_sandbox
from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.python_toolchain import ToolchainMissing, build_python_toolchain
from agents.workflows.generate_code import generate_code
from cogo.cli.options import AsJson, Dir, parse_usd
from cogo.cli.progress import Bar, open_bar
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.settings import cache_directory
from cogo.errors import CommandError, UsageError
from cogo.evaluation import (
    CodingProblem,
    Configuration,
    Evaluator,
    Figures,
    OutcomesFile,
    ProblemOutcome,
    Recordings,
    RememberedChecks,
    compute_version,
    load_problems,
    load_recordings,
    name_outcomes,
    summarize,
)
from cogo.evaluation.live import AUTO, LiveEvaluator
from cogo.terminal import print_json, print_table, print_text
from cogo.wiring.models.spending_gate import require_spending
from cogo.wiring.stores import open_client
from protocol.errors import InvalidArgument

_CODE: Final = Path(agents.__file__).parent
_HEADINGS: Final = (
    *(
        "MODELS",
        "CORRECT",
        "PASS@1",
        "ELSE LAST",
        "VERIFIED",
        "BUT WRONG",
        "CALLS",
        "COST",
        "OF DEAREST",
    ),
    *("SECONDS", "SKIPPED"),
)


class _Evaluates(Protocol):
    async def evaluate(
        self, problem: CodingProblem, configuration: Configuration
    ) -> ProblemOutcome:
        """Run one problem."""


def evaluate_humaneval(
    *,
    data: Annotated[
        str, typer.Option(help="Folder, file or address of HumanEval.jsonl, compressed or not.")
    ],
    recorded: Annotated[
        str | None, typer.Option(help="File or address of recorded first answers.")
    ] = None,
    tests: Annotated[
        str | None, typer.Option(help="File or address of visible tests, as a user would give.")
    ] = None,
    chain: Annotated[
        list[str] | None,
        typer.Option(help="Models to try in turn while the visible tests fail: A,B; repeatable."),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Models to evaluate alone (default: all recorded; none: no model)."),
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Dollars for a call of each model: A=0.002,B=0.06.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Submit tasks to the running system instead.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first problems.")] = None,
    parallel: Annotated[
        int | None, typer.Option(min=1, max=64, help="Problems at once (default: by cores).")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do not go on with an interrupted evaluation.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate models and workflows on HumanEval.

    Each problem runs through the workflow GENERATE_CODE with the visible tests, and the hidden
    tests decide whether the result is correct. With recorded answers no model is called: a request
    without a recording, such as for a repair, is skipped and counted. With --live the running
    system answers, and costs are real. Interrupted with Ctrl-C, it goes on where it stopped.

    Examples:
        cogo eval humaneval --data humaneval/ --recorded answers.jsonl.gz --tests visible.jsonl
        cogo eval humaneval --data humaneval/ --recorded answers.jsonl.gz --tests visible.jsonl \
--chain gpt-3.5,gpt-4 --price gpt-3.5=0.002,gpt-4=0.06 --models none --json
        cogo eval humaneval --data humaneval/ --live --models auto,local-model --limit 20
    """
    if live == (recorded is not None):
        raise UsageError("name either --recorded FILE or --live")
    problems = load_problems(data, tests=tests)[:limit]
    recordings = load_recordings(recorded) if recorded else {}
    prices = parse_prices(price)
    wanted = _list_configurations(models, chain or [], recordings, live=live)
    name = name_outcomes(problems, recordings, prices, version=compute_version(_CODE))
    file = OutcomesFile(cache_directory() / "eval" / name)
    if fresh:
        file.clear()
    project = Project.find(directory)
    total = len(wanted) * len(problems)
    with open_bar("problems", total, is_hidden=as_json, explain=_explain) as bar:
        asyncio.run(
            _run(
                project, problems, wanted, file, bar,
                recordings=recordings, prices=prices, live=live, parallel=parallel,
            )
        )  # fmt: skip
    figures = [summarize(each, file.list_outcomes(each, problems), prices) for each in wanted]
    if live:  # another time it asks again
        file.clear()
    if as_json:
        print_json({"problems": len(problems), "live": live, "configurations": figures})
    else:
        print_table(_HEADINGS, map(_cells, figures), drop=("SKIPPED", "SECONDS"))


def _explain(bar: Bar) -> str:
    done = f"{bar.done:,} of {bar.total:,}"
    return f"interrupted after {done}; the same command goes on where it stopped"


async def _run(
    project: Project,
    problems: Sequence[CodingProblem],
    wanted: Sequence[Configuration],
    file: OutcomesFile,
    bar: Bar,
    *,
    recordings: Recordings,
    prices: Mapping[str, Decimal],
    live: bool,
    parallel: int | None,
) -> None:
    """Evaluate what the file does not have yet."""
    left = [
        (each, problem)
        for each in wanted
        for problem in problems
        if (each.name, problem.id) not in file.found
    ]
    if not left:
        return
    workers = min(parallel or os.cpu_count() or 1, len(left))
    queue = iter(left)
    if done := len(wanted) * len(problems) - len(left):
        bar.show(done)
        print_text(f"{done:,} are done already (--fresh begins anew)", err=True)
    async with _open_evaluator(project, recordings, prices, live=live) as evaluator:

        async def work() -> None:
            for configuration, problem in queue:
                outcome = await evaluator.evaluate(problem, configuration)
                file.add(configuration, outcome)
                bar.advance()

        async with asyncio.TaskGroup() as group:
            for number in range(workers):
                group.create_task(work(), name=f"evaluate {number}")


@asynccontextmanager
async def _open_evaluator(
    project: Project, recordings: Recordings, prices: Mapping[str, Decimal], *, live: bool
) -> AsyncIterator[_Evaluates]:
    checks = RememberedChecks(await _open_runner())
    if not live:
        yield Evaluator(workflow=generate_code, checks=checks, recordings=recordings, prices=prices)
        return
    async with open_client(find_connection(project)) as client:
        await require_spending(client.store)
        yield LiveEvaluator(type=generate_code.type, client=client, checks=checks)


async def _open_runner() -> CheckRunner:
    """Return the sandbox with Python's tools. Raises CommandError."""
    sandbox = await open_sandbox()
    if sandbox is None:
        raise CommandError("no sandbox works here, and answers of models are run in nothing less; "
                           "`cogo doctor` says what is missing")  # fmt: skip
    try:
        toolchain = await asyncio.to_thread(
            build_python_toolchain, cache_directory() / "toolchains"
        )
    except ToolchainMissing as error:
        raise CommandError(f"tests cannot be run: {error}") from error
    return CheckRunner(sandbox=sandbox, python=toolchain)


def _list_configurations(
    models: str | None, chains: Sequence[str], recordings: Recordings, *, live: bool
) -> list[Configuration]:
    """Return the models alone and the chains. Raises UsageError for a model without answers."""
    alone = [AUTO] if live else sorted(recordings)
    if models is not None:
        alone = [] if models == "none" else _split(models)
    if live and chains:
        raise UsageError("--chain needs --recorded: with --live the system chooses the models")
    wanted = [Configuration((each,)) for each in alone]
    wanted += [Configuration(tuple(_split(each))) for each in chains]
    if not wanted:
        raise UsageError("nothing to evaluate: name --models or --chain")
    unknown = {each for one in wanted for each in one.models} - set(recordings)
    if unknown and not live:
        has = ", ".join(sorted(recordings))
        raise UsageError(f"{min(unknown)} has no recorded answers; recorded: {has}")
    return wanted


def parse_prices(text: str | None) -> dict[str, Decimal]:
    """Return dollars for a call by model. Raises UsageError."""
    prices = {}
    for part in _split(text or ""):
        name, _, amount = part.rpartition("=")
        try:
            usd = parse_usd(amount)
        except InvalidArgument as error:
            raise UsageError(f"--price {part}: example: gpt-4=0.06") from error
        if not name or usd < 0:
            raise UsageError(f"--price {part}: example: gpt-4=0.06")
        prices[name] = usd
    return prices


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _cells(figures: Figures) -> tuple[str, ...]:
    skipped = ", ".join(f"{count} {step}" for step, count in figures.skipped.items())
    return (
        figures.configuration.replace(",", " > "),
        f"{figures.correct} of {figures.problems}",
        f"{figures.pass_at_1:.1f} %",
        _format_share(figures.pass_at_1_else_last),
        str(figures.verified),
        str(figures.verified_but_wrong),
        str(figures.calls),
        "-" if figures.cost_usd is None else f"${figures.cost_usd:.4f}",
        _format_share(figures.relative_cost),
        f"{figures.seconds:.0f}",
        skipped or "-",
    )


def _format_share(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:.1f} %"
