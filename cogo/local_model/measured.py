"""The record of what was measured of models on this machine, in the user's cache directory."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from cogo.config.settings import cache_directory
from embedded.private_files import (
    make_private_folder,
    open_private,
    read_json_object,
    write_private,
)
from providers.catalogue.open_models import Measured

_FILE: Final = "measured-models.json"
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    version: str
    measured: Measured


_RECORD: Final = TypeAdapter(_Record)


def record_measured(lane: str, version: str, measured: Measured) -> None:
    """Replace the record of a model; `version` tells of which file and which server."""
    with _change() as records:
        records.pop(lane, None)
        records[lane] = asdict(_Record(version=version, measured=measured))
        while len(records) > _MOST:
            del records[next(iter(records))]


def forget_measured(lane: str) -> None:
    """Drop the record of a model whose file was changed or removed."""
    with _change() as records:
        records.pop(lane, None)


def is_measured(lane: str, version: str) -> bool:
    """Return whether there is a record of this version of a model."""
    record = _parse(_read().get(lane))
    return record is not None and record.version == version


class MeasuredReader:
    """Reads records, and the file only after it has changed. Call it with a lane."""

    def __init__(self) -> None:
        self._changed = -1
        self._records: Mapping[str, Any] = {}

    def __call__(self, lane: str) -> Measured | None:
        """Return what was measured of a model, or None."""
        changed = 0
        with suppress(OSError):
            changed = _get_path().stat().st_mtime_ns
        if changed != self._changed:
            self._changed, self._records = changed, _read()
        record = _parse(self._records.get(lane))
        return None if record is None else record.measured


def _read() -> Mapping[str, Any]:
    try:
        return read_json_object(_get_path()) or {}
    except OSError:
        return {}


def _parse(value: Any) -> _Record | None:
    try:
        return _RECORD.validate_python(value)
    except ValidationError:
        return None


@contextmanager
def _change() -> Iterator[dict[str, Any]]:
    path = _get_path()
    make_private_folder(path.parent)
    with os.fdopen(open_private(path.with_suffix(".lock"))) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        records = dict(_read())
        yield records
        write_private(path, json.dumps(records) + "\n")


def _get_path() -> Path:
    return cache_directory() / _FILE
