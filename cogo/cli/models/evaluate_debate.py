"""`cogo eval debate`: debates on questions with known answers, against one strong answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer

from agents.errors import InvalidTask, NoModel
from agents.selection.requirements import Requirements
from cogo.cli.models.evaluate import parse_prices
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import Bar, open_bar
from cogo.cli.tasks.estimate import build_cio
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.errors import CommandError, UsageError
from cogo.evaluation import load_recordings
from cogo.evaluation.debates import (
    KnownQuestion,
    WayFigures,
    WayOutcome,
    load_own_questions,
    load_questions,
    summarize_way,
)
from cogo.evaluation.debates.live import LiveDebates
from cogo.evaluation.debates.recorded import RecordedDebates, find_most_right
from cogo.terminal import print_json, print_table, print_text
from cogo.wiring.models.spending_gate import require_spending
from cogo.wiring.stores import open_client
from protocol.store.gateway import GatewayStore

_HEADINGS: Final = ("WAY", "RIGHT", "SHARE", "CALLS", "COST", "SECONDS", "FAILED")
_DEBATE: Final = "debate"
_ENDS: Final = {
    "agreed": "agreed at once",
    "decided": "were decided by another model",
    "undecided": "stayed undecided",
}


class _Answers(Protocol):
    async def debate(self, question: KnownQuestion) -> WayOutcome: ...

    async def answer(self, question: KnownQuestion, strongest: str | None) -> WayOutcome: ...


@dataclass(slots=True)
class _Evaluation:
    """The questions that were asked so far."""

    debated: list[WayOutcome] = field(default_factory=list)
    answered: list[WayOutcome] = field(default_factory=list)

    async def run(
        self, answers: _Answers, questions: Sequence[KnownQuestion], parallel: int, bar: Bar
    ) -> None:
        """Put each question in both ways."""
        queue = iter(questions)

        async def work() -> None:
            for question in queue:
                debated = await answers.debate(question)
                answered = await answers.answer(question, debated.strongest)
                self.debated.append(debated)
                self.answered.append(answered)
                bar.advance()

        async with asyncio.TaskGroup() as group:
            for number in range(min(parallel, len(questions))):
                group.create_task(work(), name=f"debate {number}")

    def summarize(self) -> list[WayFigures]:
        """Return the figures of both ways."""
        models = sorted({each.model for each in self.answered if each.model})
        alone = f"one answer of {', '.join(models) or 'nobody'}"
        return [summarize_way(_DEBATE, self.debated), summarize_way(alone, self.answered)]


def evaluate_debate(
    *,
    questions: Annotated[
        Path | None, typer.Option(help="Markdown file with questions (default: COGO's own).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Model that answers alone (default: the strongest).")
    ] = None,
    recorded: Annotated[
        str | None, typer.Option(help="File or address of recorded answers; asks no model.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Dollars for a recorded call of each model: A=0.002,B=0.06.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Questions at once.")] = 4,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Compare debates with one strong answer.

    Each question has a known answer. It is debated by the workflow DEBATE and answered by one
    model, the strongest that the debate could have asked. The running system answers both, and
    costs are real: a debate is three to eight calls. With --recorded no model is called.

    Examples:
        cogo eval debate --limit 10
        cogo eval debate --against claude-opus-5-5 --json
        cogo eval debate --questions mine.md --recorded answers.jsonl --price small=0.001,big=0.02
    """
    if price and not recorded:
        raise UsageError("--price needs --recorded: the running system knows its costs")
    asked = (load_questions(questions) if questions else load_own_questions())[:limit]
    evaluation = _Evaluation()
    source = _Source(directory=directory, recorded=recorded, price=price, against=against)
    try:
        with open_bar("questions", len(asked), is_hidden=as_json, explain=_explain) as bar:
            asyncio.run(_run(evaluation, source, asked, parallel, bar))
    except KeyboardInterrupt:
        _print(evaluation, as_json=as_json)
        raise
    _print(evaluation, as_json=as_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where answers come from, as the options say."""

    directory: Path | None
    recorded: str | None
    price: str | None
    against: str | None

    @asynccontextmanager
    async def open(self, questions: list[KnownQuestion]) -> AsyncIterator[_Answers]:
        """Yield the running system, or recordings. Raises UsageError."""
        if self.recorded is None:
            project = Project.find(self.directory)
            async with open_client(find_connection(project)) as client:
                await require_spending(client.store)
                if self.against is not None:
                    await _check_served(project, client.store, self.against)
                yield LiveDebates(client=client, against=self.against)
            return
        recordings = load_recordings(self.recorded)
        if not recordings:
            raise UsageError(f"{self.recorded} has no answers")
        if self.against is not None and self.against not in recordings:
            has = ", ".join(recordings)
            raise UsageError(f"{self.against} has no recorded answers; recorded: {has}")
        yield RecordedDebates(
            recordings=recordings,
            prices=parse_prices(self.price),
            against=self.against or find_most_right(recordings, questions),
        )


async def _check_served(project: Project, store: GatewayStore, model: str) -> None:
    """Raise an error, before anything is paid, for a model that could not answer."""
    cio = await build_cio(project, store)
    served = cio.registry.lanes
    try:
        cio.choose_for_requirements(Requirements(), served=served, requested=model)
    except InvalidTask as error:
        raise UsageError(f"--against: {error.message}") from error
    except NoModel as error:
        raise CommandError(f"--against: {error.message}") from error


def _explain(bar: Bar) -> str:
    return (
        f"interrupted: these are the {bar.done:,} of {bar.total:,} questions that both ways have "
        "answered; what was open is cancelled, and the same command begins anew"
    )


async def _run(
    evaluation: _Evaluation,
    source: _Source,
    questions: list[KnownQuestion],
    parallel: int,
    bar: Bar,
) -> None:
    async with source.open(questions) as answers:
        await evaluation.run(answers, questions, parallel, bar)


def _print(evaluation: _Evaluation, *, as_json: bool) -> None:
    figures = evaluation.summarize()
    if as_json:
        outcomes = {"debate": evaluation.debated, "alone": evaluation.answered}
        print_json({"figures": figures, "outcomes": outcomes})
        return
    print_table(_HEADINGS, map(_list_cells, figures), drop=("SECONDS",))
    ends = Counter(each.ended for each in evaluation.debated)
    told = [f"{ends[end]} {words}" for end, words in _ENDS.items() if ends[end]]
    print_text(f"\nOf {len(evaluation.debated)} debates {', '.join(told) or 'none ended'}.")
    alone = {each.question: each for each in evaluation.answered}
    for each in evaluation.debated:
        other = alone[each.question]
        if each.is_right is not other.is_right:
            better = "only the debate" if each.is_right else "only the one answer"
            said = f"debate: {each.answer or each.error}; alone: {other.answer or other.error}"
            print_text(f"- {each.question}: {better} is right ({said})")
    if any(each.is_simulated for each in evaluation.debated):
        print_text("\nSimulated: no model was asked, so what is right here shows nothing.")


def _list_cells(figures: WayFigures) -> tuple[str, ...]:
    return (
        figures.way,
        f"{figures.right} of {figures.questions}",
        f"{figures.share:.1f} %",
        str(figures.calls),
        "-" if figures.cost_usd is None else f"${figures.cost_usd:.4f}",
        f"{figures.seconds:.0f}",
        str(figures.failed),
    )
