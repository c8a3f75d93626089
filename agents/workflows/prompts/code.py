"""Prompts about code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from agents.quoting import enclose

if TYPE_CHECKING:  # executors use this file without the workflows
    from agents.workflows.coding.candidates import CodeAttempt

MAX_QUOTED: Final = 4_000

EXPERT: Final = (
    "You are an expert software developer. Generate clean, efficient, and well-documented code. "
    "Answer with one fenced code block that holds the complete file, "
    "and at most one short sentence around it."
)
TESTER: Final = (
    "You write tests for code that does not exist yet, from its specification alone. Test what "
    "the specification says, with examples whose results you are sure of, and its edge cases; "
    "never what it leaves open. Answer with one fenced code block that holds one file of tests."
)
_FRAMEWORKS: Final = {
    "python": (
        "Write plain pytest functions with assert, from four to eight of them. Do not import the "
        "code under test: its public names are already there. Do not define them."
    ),
}
_OTHER_FRAMEWORK: Final = (
    "Write from four to eight tests for Node's own runner (node:test and node:assert). Import the "
    "code under test from ./{file}."
)


def ask_for_tests(request: str, language: str, main_file: str) -> str:
    """Ask for tests before there is code."""
    how = _FRAMEWORKS.get(language, _OTHER_FRAMEWORK.format(file=main_file))
    return (
        f"Write tests for this task, in {language}:\n\n{enclose('task', request)}\n\n{how} Where "
        "the task names no function, choose the obvious name and use it in every test."
    )


def ask_for_code(request: str, language: str, earlier: "Sequence[CodeAttempt]" = ()) -> str:
    """Ask for code; of earlier attempts only one line is told."""
    prompt = f"{request}\n\nWrite it in {language}."
    if earlier:
        said = " ".join(earlier[-1].report.summary.split())[:300]
        prompt += f"\n\nAn earlier attempt of somebody else did not work: {said}"
    return prompt


def ask_for_repair(request: str, attempt: "CodeAttempt") -> str:
    """Ask for a repair, with the last code and what failed first."""
    code = "\n\n".join(f"{path}:\n{_fence(text)}" for path, text in attempt.candidate.files.items())
    return (
        f"{request}\n\nThis code was written for it:\n\n{code or attempt.candidate.answer.text}\n\n"
        f"It was run, and failed:\n\n{attempt.explain()[:MAX_QUOTED]}\n\n"
        "Find the cause, then give the complete corrected code, not only the change. Do not "
        "change what the tests demand, and do not treat them as special cases."
    )


def _fence(text: str) -> str:
    mark = "```"
    while mark in text:
        mark += "`"
    end = "" if text.endswith("\n") else "\n"
    return f"{mark}\n{text}{end}{mark}"


ANALYST: Final = (
    "You are an expert software developer who reads other people's code with care. "
    "Be specific: name the line or the construct, say what is wrong and what to write instead."
)
ANALYSES: Final = {
    "review": (
        "Please review the following code for best practices, potential issues, and improvements:"
    ),
    "optimize": "Please analyze and optimize the following code for performance and efficiency:",
    "debug": "Please analyze the following code for potential bugs and issues:",
    "document": "Please generate comprehensive documentation for the following code:",
}
_FINDINGS: Final = (
    "Each finding has the `file` and the `line` if they are known, `severity`, `what` is wrong, "
    "and the `fix`: what to write instead. Name only what you are sure of, the worst first."
)
_BUGS: Final = (
    "If a test can show the worst bug, `test` is one file of tests in {language} that fails "
    "because of it and of nothing else; it uses the public names of the code without importing or "
    "defining them. `fixed_code` is the complete corrected code, with which the test passes."
)


def ask_for_analysis(kind: str, request: str, code: str | None) -> str:
    """Ask for an analysis in words. Without `code` the request itself carries the code."""
    if code is None:
        return f"{ANALYSES[kind]}\n\n{request}"
    return f"{ANALYSES[kind]}\n\n{code}\n\nWhat the person asked for: {request}"


def ask_for_findings(kind: str, request: str, code: str | None) -> str:
    """Ask for findings as data."""
    return f"{ask_for_analysis(kind, request, code)}\n\n{_FINDINGS}"


def ask_for_bugs(request: str, code: str | None, language: str) -> str:
    """Ask for bugs, and a test that shows the worst one."""
    how = _BUGS.format(language=language)
    return f"{ask_for_findings('debug', request, code)}\n\n{how}"


def ask_for_documentation(request: str, code: str | None, problem: str | None = None) -> str:
    """Ask for the code with comments and docstrings, and nothing else changed."""
    prompt = (
        f"{ask_for_analysis('document', request, code)}\n\nAnswer with the complete code, with "
        "docstrings and comments added. Change nothing else: no name, no statement, no import."
    )
    return prompt if problem is None else f"{prompt}\n\nAn earlier answer was refused: {problem}."


_PROOF: Final = (
    "The following Python code is about to be made faster. Write what shows that the new code "
    "does the same: `tests` is one file of pytest functions with assert, which the code as it is "
    "passes, with its edge cases; `workload` is code that defines `workload()`, which uses the "
    "code as in real work, takes about 0.05 to 1 second, and returns its result. It must give the "
    "same result each time. In both, the public names of the code are already there: do not "
    "import or define them."
)


def ask_for_proof(request: str, code: str) -> str:
    """Ask for tests and a workload that hold for a program and for a faster version of it."""
    return f"{_PROOF}\n\n```python\n{code}\n```\n\nWhat the person asked for: {request}"


def ask_for_speed(request: str, code: str) -> str:
    """Ask for a faster version of a program."""
    return (
        f"{ANALYSES['optimize']}\n\n{_fence(code)}\n\nWhat the person asked for: {request}\n\n"
        "Keep what it does and its public names; answer with the complete code."
    )


def add_context(
    prompt: str,
    *,
    file: str | None,
    language: str | None,
    framework: str | None,
    context: str | None,
    tests: str | None,
) -> str:
    """Add what the params say about the surroundings of the code."""
    parts = [prompt]
    if file:
        parts.append(f"File: {file}")
    if language:
        parts.append(f"Language: {language}")
    if framework:
        parts.append(f"Framework: {framework}")
    if context:
        parts.append(f"Existing code for context:\n\n{context}")
    if tests:
        parts.append(f"Tests that the code must pass:\n\n{tests}")
    return "\n\n".join(parts)
