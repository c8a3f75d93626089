"""Reader for recorded answers: CSV, TSV and JSON lines, long or wide, optionally gzipped."""

import csv
import gzip
import io
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.routing.columns import Named, wide_models
from benchmarks.routing.table import BadTable, Row, Table

COVERAGE: Final = 0.9
"""Models that answered a smaller share of the prompts are left out."""
_NESTED: Final = ("models", "results", "responses", "outcomes")
_WORDS: Final = {
    "true": 1.0, "yes": 1.0, "pass": 1.0, "passed": 1.0, "resolved": 1.0, "correct": 1.0,
    "false": 0.0, "no": 0.0, "fail": 0.0, "failed": 0.0, "unresolved": 0.0, "incorrect": 0.0,
}  # fmt: skip
_NOTHING: Final = frozenset({"", "nan", "none", "null", "n/a", "na"})


@dataclass(slots=True)
class _Cell:
    quality: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    verified: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Heap:
    """Cells while reading; several answers of a model to a prompt are averaged."""

    cells: dict[str, dict[str, _Cell]] = field(default_factory=lambda: defaultdict(dict))
    categories: dict[str, str] = field(default_factory=dict)

    def add(
        self, id_: str, category: Any, model: str, values: tuple[Any, Any, Any], where: str
    ) -> None:
        quality, cost, verified = (_number(value, where) for value in values)
        self.categories.setdefault(id_, "all" if category in {None, ""} else str(category))
        if quality is None or cost is None:
            return
        cell = self.cells[id_].setdefault(model, _Cell())
        cell.quality.append(quality)
        cell.cost.append(cost)
        if verified is not None:
            cell.verified.append(verified)


def read_table(path: Path, named: Named) -> Table:
    """Read a file. Raise `BadTable` for a missing column or an invalid value."""
    records = list(_records(path))
    if not records:
        raise BadTable(f"{path}: there are no rows.")
    columns = list(dict.fromkeys(key for record in records[:200] for key in record))
    heap = _Heap()
    nested = next((key for key in _NESTED if isinstance(records[0].get(key), dict)), None)
    wide = wide_models(columns) if named.model is None else []
    if nested is not None:
        _read_nested(records, nested, named, heap)
    elif len(wide) > 1:
        _read_wide(records, columns, named, heap)
    else:
        _read_long(records, columns, named, heap)
    return _completed(heap)


def _read_long(
    records: Sequence[Mapping[str, Any]], columns: Sequence[str], named: Named, heap: _Heap
) -> None:
    id_, model = named.need("id", columns), named.need("model", columns)
    cost = named.need("cost", columns)
    quality = named.need("quality", columns, taken={id_, model, cost})
    taken = {id_, model, cost, quality}
    verified = named.find("verified", columns, taken=taken)
    category = named.find("category", columns, taken={*taken, verified or ""})
    for number, record in enumerate(records, start=1):
        values = (record.get(quality), record.get(cost), record.get(verified) if verified else None)
        said = record.get(category) if category else None
        heap.add(str(record.get(id_)), said, str(record.get(model)), values, f"row {number}")


def _read_wide(
    records: Sequence[Mapping[str, Any]], columns: Sequence[str], named: Named, heap: _Heap
) -> None:
    models = wide_models(columns)
    used = {each for model in models for each in (model.quality, model.cost, model.verified or "")}
    id_ = named.find("id", columns, taken=used)
    category = named.find("category", columns, taken={*used, id_ or ""})
    for number, record in enumerate(records, start=1):
        said = record.get(category) if category else None
        key = str(record.get(id_)) if id_ else str(number)
        for each in models:
            verdict = record.get(each.verified) if each.verified else None
            values = (record.get(each.quality), record.get(each.cost), verdict)
            heap.add(key, said, each.model, values, f"row {number}, {each.model}")


def _read_nested(
    records: Sequence[Mapping[str, Any]], nested: str, named: Named, heap: _Heap
) -> None:
    outer = [key for key in records[0] if key != nested]
    id_ = named.find("id", outer)
    category = named.find("category", outer, taken={id_ or ""})
    for number, record in enumerate(records, start=1):
        key = str(record.get(id_)) if id_ else str(number)
        for model, answer in (record.get(nested) or {}).items():
            if not isinstance(answer, dict):
                raise BadTable(
                    f"row {number}: {nested}.{model} must be an object with its figures."
                )
            inner = list(answer)
            cost = named.need("cost", inner)
            quality = named.need("quality", inner, taken={cost})
            verified = named.find("verified", inner, taken={cost, quality})
            values = (answer[quality], answer[cost], answer[verified] if verified else None)
            said = record.get(category) if category else None
            heap.add(key, said, model, values, f"row {number}, {model}")


def _completed(heap: _Heap) -> Table:
    """Keep models with nearly all prompts, then prompts with all of those models."""
    notes: list[str] = []
    prompts = sorted(heap.cells)
    answered: dict[str, int] = defaultdict(int)
    for by_model in heap.cells.values():
        for model in by_model:
            answered[model] += 1
    models = sorted(each for each, count in answered.items() if count >= COVERAGE * len(prompts))
    if dropped := sorted(set(answered) - set(models)):
        notes.append(f"{len(dropped)} models answered too few prompts: {', '.join(dropped[:8])}.")
    if len(models) < 2:
        raise BadTable(
            f"only {len(models)} of {len(answered)} models answered at least {COVERAGE:.0%} of the "
            "prompts with a quality and a cost; a choice needs two."
        )
    whole = [id_ for id_ in prompts if all(model in heap.cells[id_] for model in models)]
    if len(whole) < len(prompts):
        notes.append(f"{len(prompts) - len(whole)} prompts miss an answer and were left out.")
    checks = all(heap.cells[id_][model].verified for id_ in whole for model in models)
    top = max((max(heap.cells[id_][m].quality) for id_ in whole for m in models), default=1.0)
    low = min((min(heap.cells[id_][m].quality) for id_ in whole for m in models), default=0.0)
    if low < 0:
        raise BadTable(f"a quality is {low}; qualities must not be negative.")
    scale = top if top > 1 else 1.0
    if scale != 1:
        notes.append(f"Qualities go up to {top:g}; they were divided by it.")
    return Table(
        models=tuple(models),
        rows=tuple(
            Row(
                id=id_,
                category=heap.categories[id_],
                quality=tuple(_mean(heap.cells[id_][m].quality) / scale for m in models),
                cost=tuple(_mean(heap.cells[id_][m].cost) for m in models),
                verified=tuple(_mean(heap.cells[id_][m].verified) for m in models)
                if checks
                else None,
            )
            for id_ in whole
        ),
        notes=tuple(notes),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _number(value: Any, where: str) -> float | None:
    if value is None or isinstance(value, bool):
        return None if value is None else float(value)
    text = str(value).strip().casefold()
    if text in _NOTHING:
        return None
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text.removeprefix("$"))
    except ValueError as error:
        raise BadTable(f"{where}: {str(value)[:60]!r} is not a number.") from error


def _records(path: Path) -> Iterator[dict[str, Any]]:
    kind = path.name.removesuffix(".gz").rpartition(".")[2].casefold()
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise BadTable(f"{path} cannot be read: {error}") from error
    if kind in {"jsonl", "ndjson", "json"}:
        yield from _json_lines(text, path)
    elif kind in {"csv", "tsv", "txt"}:
        csv.field_size_limit(sys.maxsize)  # answers of models stand in some files
        delimiter = "\t" if kind == "tsv" else ","
        yield from csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    else:
        raise BadTable(f"{path}: .{kind} is not read; give .csv, .tsv or .jsonl (or with .gz).")


def _json_lines(text: str, path: Path) -> Iterable[dict[str, Any]]:
    if text.lstrip().startswith("["):
        found = _parsed(text, f"{path}")
        lines: list[tuple[str, Any]] = [(f"entry {n}", each) for n, each in enumerate(found, 1)]
    else:
        lines = [
            (f"line {number}", _parsed(line, f"{path}, line {number}"))
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip()
        ]
    for where, record in lines:
        if not isinstance(record, dict):
            raise BadTable(f"{path}, {where}: there must be one JSON object for each row.")
        yield record


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadTable(f"{where}: not JSON: {error.msg}") from error
