"""The project's own judged answers as a file that `cogo eval routing` reads."""

import csv
import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from cogo.errors import CommandError
from protocol.records.models import JudgedAnswer
from protocol.store.gateway import GatewayStore

LEAST_STRENGTH: Final = 0.3
"""Weaker judgements, such as that data follows its schema, hardly say whether an answer is good."""
_PAGE: Final = 500
_PAGE_WITH_PROMPTS: Final = 50
_COLUMNS: Final = (
    "id", "model", "quality", "cost", "category", "verified", "judged_by", "strength", "judged_at",
)  # fmt: skip


@dataclass(slots=True)
class Exported:
    """What was written, and what was left out."""

    answers: int = 0
    left_out: int = 0
    """Answers whose judgements are too weak, or too old."""


async def export_answers(
    store: GatewayStore,
    file: Path,
    *,
    since: datetime | None,
    least_strength: float,
    with_prompts: bool,
) -> Exported:
    """Write the judged answers, page by page, into a new file. Raises CommandError."""
    done, last = Exported(), None
    limit = _PAGE_WITH_PROMPTS if with_prompts else _PAGE
    with _open(file) as text:
        writer = csv.writer(text)
        writer.writerow([*_COLUMNS, *(["prompt"] if with_prompts else [])])
        while page := await store.fetch_judged_answers(
            after=last, limit=limit, with_prompts=with_prompts
        ):
            for each in page:
                if each.strength < least_strength or (since and each.judged_at < since):
                    done.left_out += 1
                else:
                    writer.writerow(_list_fields(each, with_prompts=with_prompts))
                    done.answers += 1
            last = page[-1]
    return done


def _list_fields(each: JudgedAnswer, *, with_prompts: bool) -> Iterator[object]:
    yield from (each.question, each.model_id, f"{each.score:g}")
    yield "" if each.cost_usd is None else f"{each.cost_usd:f}"
    yield each.kind
    yield "" if each.has_form is None else int(each.has_form)
    yield from (each.source, f"{each.strength:g}", each.judged_at.isoformat())
    if with_prompts:
        yield each.prompt or ""


@contextmanager
def _open(file: Path) -> Iterator[TextIO]:
    """Yield a file that appears when it is whole. Raises CommandError."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.exists():
            raise CommandError(f"{file} exists", hint="name a new file")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as raw:
                if file.suffix == ".gz":
                    with (
                        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
                        _wrap(packed) as text,
                    ):
                        yield text
                else:
                    with _wrap(raw) as text:
                        yield text
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror or error}") from error


def _wrap(binary: io.BufferedWriter | gzip.GzipFile) -> io.TextIOWrapper:
    return io.TextIOWrapper(binary, encoding="utf-8", newline="")
