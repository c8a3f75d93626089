"""Reads recorded answers: CSV, TSV and JSON lines, long or wide, compressed or not.

What a file is shows in its first bytes, not in its name. Files are read line by line, and lines,
fields and answers are limited, so that a wrong file ends with a message rather than without memory.
"""

import csv
import gzip
import io
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, TextIO

from agents.selection.requirements import MAX_NAME_CHARACTERS
from cogo.evaluation.routing.columns import (
    Named,
    Wide,
    find_wide_models,
    is_nothing,
    parse_figure,
)
from cogo.evaluation.routing.records import BadRecords, Prompt, Records

COVERAGE: Final = 0.9
"""Models that answered a smaller share of the prompts are left out."""
MIN_ANSWERS: Final = 20
"""Answers that a model must have where no two models answered most of the prompts."""
MIN_PER_CATEGORY: Final = 5
"""Prompts a category, on average, below which categories are left out of account."""
ALL: Final = "all"
"""The category of everything."""
MAX_ANSWERS: Final = 3_000_000
MAX_MODELS: Final = 500
MAX_BLANK: Final = 10_000_000
"""Lines without anything, of which a small compressed file may have any number."""
MAX_LINE: Final = 32 * 1024 * 1024
"""Maximum characters of a line; some files have the models' answers in them."""
MAX_ARRAY: Final = 128 * 1024 * 1024
"""Maximum characters of a file that is one JSON array, which is not read line by line."""
_HEAD: Final = 200
"""Rows in which columns are looked for."""
_NAMED: Final = 8
"""Maximum number of models and columns that a message names."""
_NESTED: Final = ("models", "results", "responses", "outcomes")
_MAGIC: Final = {
    b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP or Excel file", b"SQLite": "an SQLite file",
    b"BZh": "compressed with bzip2", b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd", b"%PDF": "a PDF",
    b"\xff\xfe": "text in UTF-16", b"\xfe\xff": "text in UTF-16",
}  # fmt: skip
_GZIP: Final = b"\x1f\x8b"

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Cell:
    """The sums over the answers of one model to one prompt."""

    answers: int = 0
    quality: float = 0.0
    cost: float = 0.0
    checked: int = 0
    verified: float = 0.0


@dataclass(slots=True)
class _Heap:
    """What was read so far."""

    cells: dict[str, dict[str, _Cell]] = field(default_factory=lambda: defaultdict(dict))
    categories: dict[str, str] = field(default_factory=dict)
    answers: int = 0
    repeated: int = 0
    missing: int = 0
    top: float = 1.0
    """The highest quality, if more than 1."""

    def add(
        self, prompt: str, category: Any, model: str, values: tuple[Any, Any, Any], where: str
    ) -> None:
        """Add an answer. Raises BadRecords for a wrong value, and for too many answers."""
        quality, cost, verified = values
        good, usd = parse_figure(quality, where, "quality"), parse_figure(cost, where, "cost")
        self.categories.setdefault(
            prompt, ALL if is_nothing(category) else str(category)[:MAX_NAME_CHARACTERS]
        )
        models = self.cells[prompt]
        if self.answers + self.missing >= MAX_ANSWERS:
            raise BadRecords(
                f"{where}: more than {MAX_ANSWERS:,} answers are not read; take a random part of "
                "the prompts, each with all of its answers"
            )
        if good is None or usd is None:
            self.missing += 1
            return
        self.answers += 1
        cell = models.get(model)
        if cell is None:
            cell = models[model] = _Cell()
        else:
            self.repeated += 1
        cell.answers += 1
        cell.quality += good
        cell.cost += usd
        self.top = max(self.top, good)
        accepted = parse_figure(verified, where, "verified")
        if accepted is not None:
            if accepted > 1:
                raise BadRecords(f"{where}: verified is {verified}; it must be from 0 to 1")
            cell.checked += 1
            cell.verified += accepted


def read_records(path: Path, named: Named) -> Records:
    """Read a file. Raises BadRecords if it is not what it should be."""
    heap = _Heap()
    try:
        with path.open("rb") as file, _open_text(file, path) as text:
            rows = _read_rows(text, path)
            head = list(islice(rows, _HEAD))
            if not head:
                raise BadRecords(f"{path} has no rows")
            columns = list(dict.fromkeys(str(key) for row in head for key in row))
            _fill(heap, head, chain(head, rows), columns, named)
    except (OSError, EOFError, zlib.error) as error:
        raise BadRecords(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise BadRecords(
            f"{path} is not text in UTF-8 (byte {error.start} is {error.object[error.start]:#x}); "
            "save it as UTF-8"
        ) from error
    return _complete(heap)


def _fill(
    heap: _Heap, head: Sequence[Row], rows: Iterable[Row], columns: Sequence[str], named: Named
) -> None:
    nested = next((key for key in _NESTED if isinstance(head[0].get(key), dict)), None)
    wide = find_wide_models(columns) if named.model is None else []
    if nested is not None:
        _fill_nested(heap, rows, nested, named)
    elif len(wide) > 1:
        _fill_wide(heap, rows, columns, wide, named)
    else:
        _fill_long(heap, rows, columns, named)


def _fill_long(heap: _Heap, rows: Iterable[Row], columns: Sequence[str], named: Named) -> None:
    id_, model = named.need("id", columns), named.need("model", columns)
    cost = named.need("cost", columns)
    quality = named.need("quality", columns, taken={id_, model, cost})
    taken = {id_, model, cost, quality}
    verified = named.find("verified", columns, taken=taken)
    category = named.find("category", columns, taken={*taken, verified or ""})
    for number, row in enumerate(rows, start=1):
        where = f"row {number}"
        key, who = row.get(id_), row.get(model)
        if is_nothing(key) or is_nothing(who):
            raise BadRecords(f"{where}: {id_ if is_nothing(key) else model} is empty")
        values = (row.get(quality), row.get(cost), row.get(verified) if verified else None)
        heap.add(str(key), row.get(category) if category else None, str(who), values, where)


def _fill_wide(
    heap: _Heap, rows: Iterable[Row], columns: Sequence[str], models: Sequence[Wide], named: Named
) -> None:
    used = {each for model in models for each in (model.quality, model.cost, model.verified or "")}
    id_ = named.find("id", columns, taken=used)
    category = named.find("category", columns, taken={*used, id_ or ""})
    for number, row in enumerate(rows, start=1):
        key = str(row.get(id_)) if id_ else str(number)
        kind = row.get(category) if category else None
        for each in models:
            accepted = row.get(each.verified) if each.verified else None
            values = (row.get(each.quality), row.get(each.cost), accepted)
            heap.add(key, kind, each.model, values, f"row {number}, {each.model}")


def _fill_nested(heap: _Heap, rows: Iterable[Row], nested: str, named: Named) -> None:
    for number, row in enumerate(rows, start=1):
        outer = [key for key in row if key != nested]
        id_ = named.find("id", outer)
        category = named.find("category", outer, taken={id_ or ""})
        key = str(row.get(id_)) if id_ else str(number)
        answers = row.get(nested) or {}
        if not isinstance(answers, dict):
            raise BadRecords(f"row {number}: {nested} must be an object with the models' figures")
        for model, answer in answers.items():
            where = f"row {number}, {model}"
            if not isinstance(answer, dict):
                raise BadRecords(f"{where}: there must be an object with quality and cost")
            inner = list(answer)
            cost = named.need("cost", inner)
            quality = named.need("quality", inner, taken={cost})
            verified = named.find("verified", inner, taken={cost, quality})
            values = (answer[quality], answer[cost], answer[verified] if verified else None)
            heap.add(key, row.get(category) if category else None, model, values, where)


def _complete(heap: _Heap) -> Records:
    """Keep the models with nearly all prompts, then the prompts with all of those models.

    Where no two models have nearly all, keep those with enough answers, and gaps.
    """
    prompts = sorted(heap.cells)
    answered = Counter(model for models in heap.cells.values() for model in models)
    models = sorted(each for each, count in answered.items() if count >= COVERAGE * len(prompts))
    has_gaps = len(models) < 2
    if has_gaps:
        models = sorted(each for each, count in answered.items() if count >= MIN_ANSWERS)
    if len(models) < 2:
        raise BadRecords(
            f"a choice needs two models, and {len(answered)} were found that answered some of the "
            f"{len(prompts)} prompts with a quality and a cost; at least two must have answered "
            f"{COVERAGE:.0%} of them, or {MIN_ANSWERS} each"
        )
    if len(models) > MAX_MODELS:
        raise BadRecords(f"{len(models):,} models are too many: at most {MAX_MODELS} are compared")
    among = any if has_gaps else all
    kept = [id_ for id_ in prompts if among(model in heap.cells[id_] for model in models)]
    categories = {heap.categories[id_] for id_ in kept}
    are_categories = len(categories) == 1 or len(kept) >= MIN_PER_CATEGORY * len(categories)
    is_checked = all(
        heap.cells[id_][model].checked
        for id_ in kept
        for model in models
        if model in heap.cells[id_]
    )
    return Records(
        models=tuple(models),
        prompts=tuple(
            _build_prompt(id_, heap, models, is_checked=is_checked, has_category=are_categories)
            for id_ in kept
        ),
        notes=tuple(_list_notes(heap, models, kept, has_gaps=has_gaps, has_all=are_categories)),
    )


def _list_notes(
    heap: _Heap, models: Sequence[str], kept: Sequence[str], *, has_gaps: bool, has_all: bool
) -> Iterator[str]:
    """Yield what was left out or changed."""
    if heap.missing:
        yield f"{heap.missing} answers have no quality or no cost and were left out."
    if heap.repeated:
        yield (
            f"{heap.repeated} answers are of a model that had answered the same prompt before; "
            "quality and cost are their means."
        )
    found = {model for cells in heap.cells.values() for model in cells}
    if left := sorted(found - set(models)):
        names = ", ".join(left[:_NAMED]) + (", ..." if len(left) > _NAMED else "")
        yield f"{len(left)} models answered too few prompts and were left out: {names}."
    if has_gaps:
        yield (
            "No two models answered most of the prompts. A missing answer counts as good and as "
            "dear as the same model's others of its category in the same half; so a model that got "
            "harder prompts looks worse than it is, and cascades look as if models failed "
            "independently."
        )
    if len(kept) < len(heap.cells):
        yield f"{len(heap.cells) - len(kept)} prompts miss an answer and were left out."
    if not has_all:
        count = len({heap.categories[id_] for id_ in kept})
        yield (
            f"{count} categories are too many for {len(kept)} prompts, so all count as one; "
            "--category names another column."
        )
    if heap.top > 1:
        yield f"Qualities go up to {heap.top:g}; they were divided by it."


def _build_prompt(
    id_: str, heap: _Heap, models: Sequence[str], *, is_checked: bool, has_category: bool
) -> Prompt:
    found = heap.cells[id_]
    cells = [found.get(model, _Cell()) for model in models]
    answered = tuple(model in found for model in models)
    return Prompt(
        id=id_,
        category=heap.categories[id_] if has_category else ALL,
        quality=tuple(each.quality / max(each.answers, 1) / heap.top for each in cells),
        cost=tuple(each.cost / max(each.answers, 1) for each in cells),
        verified=tuple(each.verified / max(each.checked, 1) for each in cells)
        if is_checked
        else None,
        answered=None if all(answered) else answered,
    )


def _open_text(file: io.BufferedReader, path: Path) -> io.TextIOWrapper:
    """Return the text of a file, compressed or not. Raises BadRecords if it is none."""
    source: io.BufferedReader | io.BufferedReader[gzip.GzipFile] = file
    start = source.peek(8)[:8]
    if start.startswith(_GZIP):
        source = io.BufferedReader(gzip.GzipFile(fileobj=file))
        start = source.peek(8)[:8]
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise BadRecords(f"{path} is {what}; it must be CSV, TSV or JSON lines, in UTF-8")
    return io.TextIOWrapper(source, encoding="utf-8-sig", newline="")


def _read_rows(text: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    first = _read_line(text, path, 1)
    while first and not first.strip():
        first = _read_line(text, path, 1)
    if first.lstrip().startswith("["):
        yield from _read_array(first, text, path)
    elif first.lstrip().startswith("{"):
        yield from _read_json_lines(first, text, path)
    elif first:
        yield from _read_table(first, text, path)


def _read_line(text: TextIO, path: Path, number: int) -> str:
    line = text.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise BadRecords(f"{path}, line {number}: longer than {MAX_LINE:,} characters")
    return line


def _read_lines(text: TextIO, path: Path) -> Iterator[tuple[int, str]]:
    number, blank = 2, 0
    while line := _read_line(text, path, number):
        yield number, line
        number += 1
        blank += line.isspace()
        if blank > MAX_BLANK:
            raise BadRecords(f"{path} has more than {MAX_BLANK:,} lines without anything")


def _read_table(head: str, text: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    delimiter = max(",\t;", key=head.count)
    csv.field_size_limit(MAX_LINE)
    lines = chain([head], (line for _, line in _read_lines(text, path)))
    reader = csv.DictReader(lines, delimiter=delimiter)
    try:
        names = Counter(name for name in reader.fieldnames or () if name.strip())
        repeated = [name for name, count in names.items() if count > 1]
        if repeated:
            raise BadRecords(f"{path} has the column {repeated[0]!r} more than once")
        for row in reader:
            if None in row:
                raise BadRecords(
                    f"{path}, line {reader.line_num}: there are more fields than columns "
                    f"({len(reader.fieldnames or ())})"
                )
            yield row
    except csv.Error as error:
        raise BadRecords(f"{path}, line {reader.line_num}: {error}") from error


def _read_json_lines(first: str, text: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in chain([(1, first)], _read_lines(text, path)):
        if line.strip():
            yield _check_object(_parse(line, f"{path}, line {number}"), f"{path}, line {number}")


def _read_array(first: str, text: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    rest = text.read(MAX_ARRAY + 1)
    if len(rest) > MAX_ARRAY:
        raise BadRecords(f"{path} is too large for one JSON array; write one object a line")
    for number, each in enumerate(_parse(first + rest, str(path)), start=1):
        yield _check_object(each, f"{path}, entry {number}")


def _check_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRecords(f"{where}: there must be one JSON object for each row")
    return value


def _parse(text: str, where: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = "too deeply nested" if isinstance(error, RecursionError) else "a number is too long"
        said = error.msg if isinstance(error, json.JSONDecodeError) else said
        raise BadRecords(f"{where}: not JSON: {said}") from error
    if "\\ud" not in text.lower():
        return value
    # Half of a surrogate pair is a character that no file and no terminal takes.
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
