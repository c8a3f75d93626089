"""`cogo eval routing`: how well COGO would have chosen among models whose answers are recorded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.cli.options import AsJson
from cogo.cli.progress import open_bar
from cogo.errors import UsageError
from cogo.evaluation.pictures import check_picture_name, write_picture
from cogo.evaluation.routing.columns import Named
from cogo.evaluation.routing.evaluation import EvaluationPlan, Split, count_steps, evaluate
from cogo.evaluation.routing.figures import RoutingFigures, build_report, summarize_splits
from cogo.evaluation.routing.learning import RECORDED, SUPPOSED, AnswerCheck
from cogo.evaluation.routing.picture import draw
from cogo.evaluation.routing.reading import read_records
from cogo.evaluation.routing.records import Records
from cogo.terminal import print_json, print_line, print_table, print_text

_HEADINGS: Final = (
    "POLICY", "PREFERENCE", "QUALITY", "POINTS", "COST", "SHARE", "WORST POINTS", "WORST SHARE",
    "CHOSEN",
)  # fmt: skip
_CHECKED: Final = (
    "POLICY", "PREFERENCE", "CHECK", "QUALITY", "POINTS", "SHARE", "WORST POINTS", "OF GAIN",
    "OF ITS COST", "CHOSEN",
)  # fmt: skip
_LEARNING: Final = ("POLICY", "ANSWERS", "QUALITY", "POINTS", "SHARE", "WORST POINTS", "ON THE WAY")
_LEGEND: Final = (
    "POINTS: hundredths of quality against the best single model of the learned half; SHARE: of "
    "its cost. All are means over the splits; WORST: in the worst split. Best cascade: the best "
    "plan for the judged half that costs no more than the best single model, found with its "
    "answers at hand; at any cost, and one for each category: the same without this limit. OF "
    "GAIN, OF ITS COST: of what the first of these gains and costs. ON THE WAY: the points and the "
    "share of cost of all answers so far."
)
_NAMES: Final = 60


def evaluate_routing(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded answers, also as .gz.")],
    splits: Annotated[int, typer.Option(min=1, max=100, help="How many splits to average.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the first split.")] = 0,
    learn: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Share of the prompts to learn from.")
    ] = 0.5,
    check: Annotated[
        list[str] | None,
        typer.Option(
            help="Suppose a check that accepts these shares of good and of bad answers; repeatable "
            "(default: 0.95,0.10 and 0.80,0.30)."
        ),
    ] = None,
    default: Annotated[
        str | None,
        typer.Option(
            help="Model of the role default (default: none before learning, then the best one)."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="File to draw the curves into: .svg or .png.")
    ] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of the prompt.")] = None,
    model: Annotated[str | None, typer.Option(help="Column of the model.")] = None,
    quality: Annotated[str | None, typer.Option(help="Column of the quality.")] = None,
    cost: Annotated[str | None, typer.Option(help="Column of the cost.")] = None,
    category: Annotated[str | None, typer.Option(help="Column of the kind of work.")] = None,
    verified: Annotated[str | None, typer.Option(help="Column of what a check said.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well COGO chooses models, on recorded answers.

    COGO's policies learn from one half of the prompts and choose for the other, in several splits;
    the file says what each choice would have achieved and cost. No model is called.

    FILE has a row for each prompt and model with columns for the prompt's id, the model, the
    quality (0 to 1) and the cost in dollars, and if possible the category of the prompt and
    whether a check accepted the answer (`verified`). A row for each prompt with columns such as
    gpt-4 and gpt-4|total_cost works as well. It is CSV, TSV or JSON lines, compressed or not.

    Examples:
        cogo eval routing answers.csv
        cogo eval routing answers.csv.gz --plot curves.svg --splits 10
        cogo eval routing answers.csv --check 0.95,0.10 --check 0.9,0.3 --json
        cogo eval routing agents.jsonl --id task --quality resolved --cost usd --category repo
    """
    named = Named(
        id=id_column,
        model=model,
        quality=quality,
        cost=cost,
        category=category,
        verified=verified,
    )
    supposed = [parse_check(each) for each in check] if check else list(SUPPOSED)
    check_picture_name(plot)
    records = read_records(file, named)
    if default is not None and default not in records.models:
        raise UsageError(f"--default {default}: recorded are {', '.join(records.models)}")
    settings = EvaluationPlan(
        seeds=range(seed, seed + splits),
        share=learn,
        checks=[*([RECORDED] if records.has_checks else []), *supposed],
        default=default,
    )
    measured: list[Split] = []
    try:
        with open_bar("policies", count_steps(settings), is_hidden=as_json) as bar:
            measured.extend(evaluate(records, settings, bar.advance))
    except KeyboardInterrupt:
        print_text(f"interrupted after {len(measured)} of {splits} splits", err=True)
        if measured:
            _show(records, measured, file.name, plot, as_json=as_json)
        raise
    _show(records, measured, file.name, plot, as_json=as_json)


def _show(
    records: Records, splits: Sequence[Split], name: str, plot: Path | None, *, as_json: bool
) -> None:
    if as_json:
        print_json(build_report(records, splits))
    else:
        _print(records, splits)
    if plot is not None:
        write_picture(plot, draw(splits, title=name))


def parse_check(text: str) -> AnswerCheck:
    """Return a check from the shares of good and bad answers that it accepts."""
    try:
        good, bad = (float(each) for each in text.split(","))
    except ValueError:
        good = bad = -1.0
    if not (0 <= good <= 1 and 0 <= bad <= 1):
        raise UsageError(
            f"--check {text}: two shares from 0 to 1, of good and of bad answers that it accepts; "
            "example: --check 0.95,0.10"
        )
    return AnswerCheck(name=text, accepts_good=good, accepts_bad=bad)


def _print(records: Records, splits: Sequence[Split]) -> None:
    first = splits[0]
    print_text(
        f"{len(records.prompts)} prompts, {len(records.models)} models, "
        f"{len(records.categories)} categories; {len(splits)} splits (seeds {first.seed} to "
        f"{splits[-1].seed}), {first.learned} prompts to learn from and {first.judged} to judge by."
    )
    for note in records.notes:
        print_text(note)
    figures = summarize_splits(splits)
    for title, regime in (
        ("Baselines", "baseline"),
        ("Cold start: prices only, and no default model unless one is named", "cold"),
        ("Learned: all answers of the learned half were judged", "learned"),
    ):
        print_line(f"\n{title}")
        rows = [each for each in figures if each.regime == regime and each.check is None]
        print_table(_HEADINGS, map(_list_cells, rows), drop=("CHOSEN", "WORST SHARE"))
    print_line("\nCascades: a checked answer, else the next model's")
    checked = [each for each in figures if each.check is not None]
    checked.sort(key=lambda each: (each.check or "", each.regime, each.name))
    print_table(_CHECKED, map(_list_checked_cells, checked), drop=("CHOSEN",))
    print_line("\nLearning from nothing but the answers that it asked for (balanced)")
    learning = [each for each in figures if each.regime == "learning"]
    print_table(_LEARNING, map(_list_learning_cells, learning))
    print_text(f"\n{_LEGEND}")


def _list_cells(each: RoutingFigures) -> tuple[str, ...]:
    return (
        each.name,
        each.preference or "",
        f"{each.quality:.3f}",
        f"{each.points:+.1f}",
        f"${each.cost_usd:.3g}",
        _format_share(each.cost_share),
        f"{each.worst_points:+.1f}",
        _format_share(each.worst_cost_share),
        _format_chosen(each),
    )


def _list_checked_cells(each: RoutingFigures) -> tuple[str, ...]:
    regime = "" if each.regime == "baseline" else f", {each.regime}"
    return (
        f"{each.name}{regime}",
        each.preference or "",
        each.check or "",
        f"{each.quality:.3f}",
        f"{each.points:+.1f}",
        _format_share(each.cost_share),
        f"{each.worst_points:+.1f}",
        _format_share(each.gain_share),
        _format_share(each.ceiling_cost),
        _format_chosen(each),
    )


def _list_learning_cells(each: RoutingFigures) -> tuple[str, ...]:
    paid = "-"
    if each.paid_points is not None:
        paid = f"{each.paid_points:+.1f} at {_format_share(each.paid_cost_share)}"
    return (
        each.name,
        str(each.answers),
        f"{each.quality:.3f}",
        f"{each.points:+.1f}",
        _format_share(each.cost_share),
        f"{each.worst_points:+.1f}",
        paid,
    )


def _format_chosen(each: RoutingFigures) -> str:
    text = ", ".join(f"{name} {share:.0%}" for name, share in each.chosen.items())
    return text if len(text) <= _NAMES else f"{text[: _NAMES - 3]}..."


def _format_share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
