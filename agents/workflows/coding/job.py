"""A task about code, as its workflows see it: language, files, tests, settings. Pure."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.extraction.answer import extract_code
from agents.extraction.languages import (
    build_file_name,
    get_language,
    is_same_language,
    normalize_language,
)
from agents.workflows.engine import Run
from agents.workflows.params import CodeParams

MAX_PARSED_TESTS: Final = 20_000
CHECKED_LANGUAGES: Final = ("python", "javascript", "typescript", "jsx", "tsx")
"""Languages whose tests can be run without a command of the task."""
_NAMES: Final = {
    "typescript": r"typescript",
    "javascript": r"javascript|node(?:\.?js)?",
    "python": r"python3?",
    "rust": r"rust",
    "go": r"golang|go",
    "java": r"java",
    "kotlin": r"kotlin",
    "swift": r"swift(?:ui)?",
    "csharp": r"c#|csharp",
    "cpp": r"c\+\+|cpp",
    "c": r"c",
    "ruby": r"ruby",
    "php": r"php",
    "sql": r"sql|postgres(?:ql)?|sqlite",
    "bash": r"bash",
    "html": r"html",
}
_HINTS: Final = {
    "python": r"\.py\b|\b(?:pytest|pandas|numpy|django|flask|fastapi)\b",
    "typescript": r"\.tsx?\b|\bangular\b",
    "javascript": r"\.[mc]?jsx?\b|\b(?:react|vue|svelte|express)\b",
    "rust": r"\bcargo\b",
    "bash": r"\bshell script\b",
    "html": r"\bcss\b|\bweb ?page\b",
}
_AMBIGUOUS: Final = frozenset({"c", "go", "swift", "rust"})
"""Names that are also words: they count only after `in`, `to` or `with`."""
_SAMPLE: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSuite:
    """Tests, and whose they are."""

    __test__ = False

    files: Mapping[str, str] | str | None = None
    command: str | None = None
    """A command of the shell in place of the language's own runner."""
    written_by: str | None = None
    """The model that wrote them; None: they are the task's."""
    maker: str | None = None
    """The maker of that model."""
    vacuous: int = 0
    """Tests that pass against a stub, too: they show nothing and are not counted."""

    @property
    def text(self) -> str:
        """The tests as one text, for prompts."""
        if isinstance(self.files, str):
            return self.files
        shown = [f"# {path}\n{text}" for path, text in (self.files or {}).items()]
        return "\n\n".join([*shown, *([f"Command: {self.command}"] if self.command else [])])

    def describe(self) -> dict[str, Any]:
        """Return the suite as results record it."""
        return {
            "origin": "task" if self.written_by is None else "written",
            "written_by": self.written_by,
            "files": {"tests": self.files} if isinstance(self.files, str) else self.files,
            "command": self.command,
            "vacuous": self.vacuous,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJob:
    """What is asked for, and what it is checked with."""

    prompt: str
    params: CodeParams
    language: str
    tests: TestSuite | None
    """The task's own tests."""

    @property
    def main_file(self) -> str:
        """The path of the program."""
        return self.params.target_file or build_file_name(self.language)

    @property
    def files(self) -> Mapping[str, str]:
        """Files that are there already."""
        files = dict(self.params.files or {})
        if self.params.target_file and self.params.code_context:
            files.setdefault(self.params.target_file, self.params.code_context)
        return files

    def build_settings(
        self, system: str, *, tests: TestSuite | None = None, **more: Any
    ) -> dict[str, Any]:
        """Return the params of a question about the code."""
        settings = dict.fromkeys(("git_branch", "framework", "code_context", "target_file"))
        settings |= self.params.for_request()
        for written_into_prompts in ("analysis_type", "code", "tests"):
            settings.pop(written_into_prompts, None)
        if tests is not None:
            settings["tests"] = tests.text
        elif isinstance(self.params.tests, str) and self.tests is None:
            settings["tests"] = self.params.tests  # in words: they cannot be run
        return settings | {"system": system, "language": self.params.language} | more


def read_job(run: Run, model: type[CodeParams] = CodeParams) -> CodeJob:
    """Return the job of a task."""
    params = run.params_as(model)
    language = find_language(run.prompt, params)
    return CodeJob(
        prompt=run.prompt, params=params, language=language, tests=read_tests(params, language)
    )


def find_language(prompt: str, params: CodeParams) -> str:
    """Return the language of the code: stated, of the file, of the tests, mentioned, or Python."""
    if params.language and (stated := normalize_language(params.language)):
        return stated
    if params.target_file and (named := get_language(params.target_file)):
        return named
    if isinstance(params.tests, Mapping):
        for path in params.tests:
            if named := get_language(path):
                return named
    if isinstance(params.tests, str) and _parses(extract_code(params.tests).code):
        return "python"
    return _find_mentioned(prompt[:_SAMPLE].lower()) or "python"


def _find_mentioned(prompt: str) -> str | None:
    """Return the language that a prompt asks for (`in Rust`), else names, else hints at."""
    asked = {
        found.start(): name
        for name, pattern in _NAMES.items()
        for found in re.finditer(rf"\b(?:in|to|into|using|with) (?:{pattern})(?![\w+#])", prompt)
    }
    if asked:
        return asked[max(asked)]
    named = {
        found.start(): name
        for name, pattern in _NAMES.items()
        if name not in _AMBIGUOUS
        for found in re.finditer(rf"(?<![\w.])(?:{pattern})(?![\w+#])", prompt)
    }
    if named:
        return named[min(named)]
    return next((name for name, hint in _HINTS.items() if re.search(hint, prompt)), None)


def read_tests(params: CodeParams, language: str) -> TestSuite | None:
    """Return the task's tests; None if there are none, or only words."""
    command = params.test_command
    if isinstance(params.tests, Mapping):
        return TestSuite(files=dict(params.tests), command=command)
    if params.tests is None or not params.tests.strip():
        return TestSuite(command=command) if command else None
    text = extract_code(params.tests, language=language).code
    is_python = is_same_language(language, "python")
    if command is None and is_python and len(text) <= MAX_PARSED_TESTS and not _parses(text):
        return None
    return TestSuite(files=text, command=command)


def _parses(text: str) -> bool:
    """Return whether a text is Python, and not a few words that happen to be."""
    if len(text) > MAX_PARSED_TESTS:
        return False
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return "(" in text or any(not isinstance(node, ast.Expr) for node in body)


def find_obstacle(run: Run, job: CodeJob) -> str | None:
    """Return why code is not run here, as the end of a sentence; None if it is."""
    if job.params.verify == "off":
        return "params.verify is off"
    has_command = job.params.test_command is not None
    if not has_command and job.language not in CHECKED_LANGUAGES:
        return f"{job.language} is only run with params.test_command"
    if not run.has_sandbox("command" if has_command else job.language):
        return f"no executor has a sandbox for {job.language}"
    return None
