"""Problems and recorded answers, read from files or addresses that the user names."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cogo.errors import CommandError, UsageError
from protocol.json_values import explain_first_mistake

MAX_BYTES: Final = 200_000_000
_SECONDS: Final = 60.0
_FILE: Final = "HumanEval.jsonl"

Text = Annotated[str, Field(max_length=1_000_000)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: str = Field(min_length=1, max_length=200)


class _ProblemLine(_Line):
    prompt: Text
    entry_point: str = Field(pattern=r"^[A-Za-z_]\w*$")
    test: Text


class _RecordingLine(_Line):
    model: str = Field(min_length=1, max_length=200)
    completion: Text


class _TestsLine(_Line):
    visible_tests: list[Text]


_L = TypeVar("_L", bound=_Line)

Recordings = Mapping[str, Mapping[str, str]]
"""The first answer of each model to each problem: model, problem, completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodingProblem:
    """A function to write."""

    id: str
    prompt: str
    """The beginning of a module: imports, the signature and its docstring."""
    entry_point: str
    test: str
    """A module with `check(candidate)`, which decides and which no model sees."""
    visible_tests: Sequence[str] = ()
    """Assertions that a user would give as tests."""

    def build_module(self, completion: str) -> str:
        """Return the module of an answer, which may also be only what follows the prompt."""
        is_module = re.search(rf"^(async )?def {self.entry_point}\b", completion, re.MULTILINE)
        return completion if is_module else self.prompt + completion

    @property
    def hidden_program(self) -> str:
        """The end of a program that begins with the code, and ends with 0 if that is correct."""
        return f"\n\n{self.test}\n\ncheck({self.entry_point})\n"


def load_problems(data: str, *, tests: str | None = None) -> list[CodingProblem]:
    """Load HumanEval from a folder, a file or an address, with visible tests. Raises UsageError.

    `tests` is the source of the visible tests: lines of `{"task_id", "visible_tests": [...]}`.
    """
    source = _find_file(data)
    visible = {each.task_id: each.visible_tests for each in _parse(tests, _TestsLine)}
    problems = [
        CodingProblem(
            id=each.task_id,
            prompt=each.prompt,
            entry_point=each.entry_point,
            test=each.test,
            visible_tests=tuple(visible.get(each.task_id, ())),
        )
        for each in _parse(source, _ProblemLine)
    ]
    if not problems:
        raise UsageError(f"{source} has no problems")
    return problems


def load_recordings(source: str) -> Recordings:
    """Load recorded answers: lines of `{"task_id", "model", "completion"}`. Raises UsageError."""
    found: dict[str, dict[str, str]] = {}
    for each in _parse(source, _RecordingLine):
        if each.task_id in found.setdefault(each.model, {}):
            raise UsageError(f"{source} has two answers of {each.model} to {each.task_id}")
        found[each.model][each.task_id] = each.completion
    return found


def _find_file(data: str) -> str:
    folder = Path(data)
    if "://" in data or not folder.is_dir():
        return data
    names = (f"{_FILE}.gz", _FILE, f"humaneval/{_FILE}.gz", f"humaneval/{_FILE}")
    for name in names:
        if (folder / name).is_file():
            return str(folder / name)
    raise UsageError(f"--data {data} has no {_FILE} or {_FILE}.gz; get it from "
                       "https://github.com/openai/human-eval/tree/master/data")  # fmt: skip


def _parse(source: str | None, model: type[_L]) -> Iterator[_L]:
    if source is None:
        return
    for number, line in enumerate(_read(source).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
            yield model.model_validate(value)
        except ValidationError as error:
            text = f"{source}, line {number}: {explain_first_mistake(error)}"
            raise UsageError(text) from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{source}, line {number}: it is not JSON") from error


def _read(source: str) -> str:
    try:
        content = _fetch(source) if "://" in source else Path(source).read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = _decompress(source, content)
        return content.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror or error}") from error
    except (EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UsageError(f"{source} is not text, nor text that gzip compressed") from error


def _decompress(source: str, content: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise UsageError(f"{source} is larger than {MAX_BYTES // 1_000_000} MB")
    return text


def _fetch(url: str) -> bytes:
    try:
        with httpx.stream("GET", url, timeout=_SECONDS, follow_redirects=True) as response:
            response.raise_for_status()
            parts: list[bytes] = []
            for part in response.iter_bytes():
                parts.append(part)
                if sum(map(len, parts)) > MAX_BYTES:
                    raise UsageError(f"{url} is larger than {MAX_BYTES // 1_000_000} MB")
            return b"".join(parts)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise UsageError(f"{url} is no address of a file: {error}") from error
    except httpx.HTTPError as error:
        raise CommandError(f"{url} cannot be loaded: {error}") from error
