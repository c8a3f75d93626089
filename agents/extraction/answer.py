"""The code of an answer: fenced or not, one file or several, a diff, or JSON that holds code."""

import ast
import html
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from agents.extraction.diffs import is_diff
from agents.extraction.fences import Block, list_blocks
from agents.extraction.languages import (
    MARKUP,
    NOT_A_PROGRAM,
    build_file_name,
    get_language,
    is_same_language,
    normalize_language,
)
from agents.extraction.paths import check_file_path

MAX_PARSED: Final = 20_000
"""Characters of Python that are parsed here: always a matter of milliseconds."""
MAX_FILES: Final = 200

_THINKING: Final = re.compile(
    r"\s*<(think|thinking|thought|reasoning|scratchpad)>.*?</\1>", re.DOTALL | re.IGNORECASE
)
_CODE_KEYS: Final = ("generated_code", "code", "content", "solution", "source", "answer")
_PATH_KEYS: Final = ("path", "file", "filename", "file_path", "name")
_PROSE = re.compile(r"^[A-Z][\w'\u2019-]*,?(?: [^\s=(){}\[\];]+){2,}[.:!?]$")
"""A sentence: words, without the marks of code."""
_ESCAPED = re.compile(
    r"\s(?:&lt;=?|&gt;=?|&amp;&amp;|=&gt;|-&gt;)\s|#include &lt;|\w&lt;[\w, ]{1,100}&gt;|&quot;"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The code of an answer."""

    code: str
    """The program: of several files the one that was asked for, else the longest."""
    language: str | None = None
    """As named by the fence in lower case, else by the file's ending."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Every file by its path; a program without a name is called `solution`. Empty for a diff."""
    is_diff: bool = False
    problems: tuple[str, ...] = ()
    """Files of the answer that were left out, and why."""


def extract_code(
    text: str, *, language: str | None = None, target_file: str | None = None
) -> Extracted:
    """Return the code of an answer; `language` and `target_file` are what was asked for.

    Without a fence, the whole answer is the code, but for sentences around code that parses.
    """
    wanted = language or (get_language(target_file) if target_file else None)
    text = remove_thinking(text)
    blocks = _list_blocks_of_json(text, wanted) or list_blocks(text)
    if len(blocks) == 1 and (inner := _list_blocks_of_json(blocks[0].code, wanted)):
        blocks = inner
    if not blocks:
        blocks = [Block(code=_find_unfenced(text, wanted), language=None)]
    main = _choose_main(blocks, wanted, target_file)
    if is_diff(main.code) and normalize_language(wanted) != "diff":
        diffs = [each.code for each in blocks if is_diff(each.code)]
        joined = "".join(each if each.endswith("\n") else each + "\n" for each in diffs)
        return Extracted(code=joined, language=main.language or "diff", is_diff=True)
    main = replace(main, code=_unescape(main.code, main.language or wanted))
    files, problems = _collect_files(blocks, main, wanted, target_file)
    return Extracted(code=main.code, language=main.language, files=files, problems=tuple(problems))


def remove_thinking(text: str) -> str:
    """Remove what a model wrote before its answer; an unclosed tag is part of the answer."""
    if found := _THINKING.match(text):
        return text[found.end() :].lstrip("\n")
    before, tag, after = text.partition("\n</think>\n")  # some templates write only the end
    return after if tag and "<think>" not in before else text


def _choose_main(blocks: Sequence[Block], wanted: str | None, target: str | None) -> Block:
    """Return the longest block among those that fit best to what was asked for."""
    tests: tuple[Callable[[Block], bool], ...] = (
        lambda each: target is not None and each.path == target,
        lambda each: target is not None and _get_name(each.path) == _get_name(target),
        lambda each: wanted is not None and is_same_language(each.language, wanted),
        lambda each: each.language == "diff" or is_diff(each.code),
        lambda each: normalize_language(each.language) not in NOT_A_PROGRAM,
    )
    for fits in tests:
        if fitting := [each for each in blocks if fits(each)]:
            programs = [each for each in fitting if not _is_test(each.path)]
            return max(programs or fitting, key=lambda each: len(each.code))
    return max(blocks, key=lambda each: len(each.code))


def _is_test(path: str | None) -> bool:
    return bool(re.match(r"test_|.*(?:_test|[.]test|[.]spec)\.\w+$", _get_name(path)))


def _get_name(path: str | None) -> str:
    return (path or "").rpartition("/")[2]


def _collect_files(
    blocks: Sequence[Block], main: Block, wanted: str | None, target: str | None
) -> tuple[dict[str, str], list[str]]:
    """Return the files by path, the last version of each, and those that were left out."""
    files: dict[str, str] = {}
    problems = []
    for each in blocks:
        if each.path is None:
            continue
        try:
            path = check_file_path(each.path)
        except ValueError as error:
            problems.append(str(error))
            continue
        if path not in files and len(files) == MAX_FILES:
            problems.append(f"the answer has more than {MAX_FILES} files")
            break
        files[path] = _unescape(each.code, each.language)
    if target is not None and target not in files and main.code.strip():
        programs = [path for path in files if not _is_test(path)]
        is_target = programs in ([], [main.path]) or _get_name(main.path) == _get_name(target)
        if not is_target:
            problems.append(f"the answer has no file {target}")
            return files, problems
        files.pop(main.path or "", None)  # the program, under another name than was asked for
        files[target] = main.code
    elif main.path is None and main.code.strip():
        files.setdefault(build_file_name(main.language or wanted), main.code)
    return files, problems


def _list_blocks_of_json(text: str, wanted: str | None) -> list[Block]:
    """Return the files and the code of an answer that is a JSON object; empty if it is none."""
    if normalize_language(wanted) == "json" or not text.lstrip().startswith("{"):
        return []
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(answer, dict):
        return []
    blocks = list(_list_files_of_json(answer.get("files")))
    if not blocks:
        code = next((answer[key] for key in _CODE_KEYS if _is_text(answer.get(key))), None)
        if code is None:
            return []
        named = answer.get("language")
        path = next((answer[key] for key in _PATH_KEYS if _is_text(answer.get(key))), None)
        language = named.lower() if isinstance(named, str) else path and get_language(path)
        blocks = list_blocks(code) or [Block(code=code, language=language, path=path)]
    return blocks


def _list_files_of_json(files: object) -> Iterator[Block]:
    listed: list[tuple[Any, Any]] = []
    if isinstance(files, dict):
        listed = list(files.items())
    elif isinstance(files, list):
        for each in files:
            if isinstance(each, dict):
                path = next((each[key] for key in _PATH_KEYS if _is_text(each.get(key))), None)
                code = next((each[key] for key in _CODE_KEYS if _is_text(each.get(key))), None)
                listed.append((path, code))
    for path, code in listed:
        if _is_text(path) and _is_text(code):
            yield Block(code=code, language=get_language(path), path=path)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _find_unfenced(text: str, wanted: str | None) -> str:
    """Return the answer without the sentences around its code, if what is left parses."""
    if is_diff(text):
        return _trim_diff(text)
    if normalize_language(wanted) not in (None, "python") or len(text) > MAX_PARSED:
        return text
    lines = text.split("\n")
    first, last = 0, len(lines)
    while first < last and (not lines[first].strip() or _PROSE.match(lines[first].strip())):
        first += 1
    while last > first and (not lines[last - 1].strip() or _PROSE.match(lines[last - 1].strip())):
        last -= 1
    trimmed = "\n".join(lines[first:last]) + "\n"
    has_prose = any(line.strip() for line in [*lines[:first], *lines[last:]])
    return trimmed if has_prose and not _parses(text) and _parses(trimmed) else text


def _trim_diff(text: str) -> str:
    """Return an unfenced diff without the prose around it."""
    lines = text.split("\n")
    starts = ("diff --git ", "--- ")
    first = next(number for number, line in enumerate(lines) if line.startswith(starts))
    last = len(lines)
    while last > first and not lines[last - 1].startswith((" ", "+", "-", "\\", "@@")):
        last -= 1
    return "\n".join(lines[first:last]) + "\n"


def _unescape(code: str, language: str | None) -> str:
    """Return code that was escaped for HTML as it was before."""
    if normalize_language(language) in MARKUP or "<" in code or ">" in code:
        return code
    if not _ESCAPED.search(code):
        return code
    plain = html.unescape(code)
    if normalize_language(language) == "python" and (_parses(code) or not _parses(plain)):
        return code
    return plain


def _parses(code: str) -> bool:
    """Return whether code is Python; False if it is too long to be parsed here."""
    if len(code) > MAX_PARSED or not code.strip():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
