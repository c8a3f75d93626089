"""The report of a check: what running code has shown, for results, prompts and people."""

import hashlib
import json
import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, computed_field

from protocol.json_values import repair_surrogates

MAX_FAILURES: Final = 20
MAX_TRACE_LINES: Final = 20
MAX_TRACE_CHARACTERS: Final = 4_000
MAX_OUTPUT_CHARACTERS: Final = 4_096
MAX_MESSAGE_CHARACTERS: Final = 1_000
MAX_NAME_CHARACTERS: Final = 300

Verdict = Literal[
    "passed",  # every test passed, or the command ended with 0
    "failed",  # a test failed, or the command ended with another number
    "no_tests",  # nothing was tested
    "syntax",  # the code cannot be parsed or does not compile
    "timeout",  # it took longer than its limit
    "memory",  # it needed more memory than its limit
    "crashed",  # it ended before its tests had ended, such as by an import that fails
    "refused",  # it cannot be run, such as for a path outside of its directory
    "unavailable",  # this machine cannot run it; nothing is known about the code
]

_CHANGING: Final = re.compile(
    r"0x[0-9a-f]+"  # addresses
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:?\d\d)?"  # dates
    r"|\b\d+(?:\.\d+)? ?(?:ns|[uµm]s|s|sec|secs|seconds?)\b"  # timings
    r"|(?<![\w.])/(?:tmp|var/tmp|private/tmp)/[^\s'\":]*",  # directories of one run
    re.IGNORECASE,
)
"""Parts of a message that differ between two runs of the same code."""


def _clean_text(value: object) -> str:
    """Return text that can be stored and displayed: no NUL, no halves of surrogate pairs."""
    return repair_surrogates(str(value)).replace("\0", "\ufffd")


def _cut_name(value: object) -> str:
    return _clean_text(value)[:MAX_NAME_CHARACTERS]


def _cut_message(value: object) -> str:
    return _clean_text(value)[:MAX_MESSAGE_CHARACTERS]


def _keep_tail(value: object) -> str:
    return _clean_text(value)[-MAX_OUTPUT_CHARACTERS:]


def _keep_last_lines(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    kept: list[str] = []
    room = MAX_TRACE_CHARACTERS
    for each in reversed(value[-MAX_TRACE_LINES:]):
        line = _clean_text(each)[:room]
        kept.insert(0, line)
        room -= len(line)
        if room <= 0:
            break
    return tuple(kept)


def _keep_first(value: Any) -> Any:
    return tuple(value[:MAX_FAILURES]) if isinstance(value, list | tuple) else value


Name = Annotated[str, BeforeValidator(_cut_name)]
Message = Annotated[str, BeforeValidator(_cut_message)]


class FailedTest(BaseModel):
    """One test that failed: the assertion with expected and actual value, and where it stands."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    test: Name
    message: Message
    trace: Annotated[tuple[str, ...], BeforeValidator(_keep_last_lines)] = ()
    """The last lines of the trace; paths are relative to the directory of the run."""


class Report(BaseModel):
    """The result of a check. Long texts and lists are cut, so that it fits into a row."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: Verdict
    reason: Message = ""
    """Why the verdict is not `passed`, as a sentence: the missing module, the line of the error."""
    sandbox: Name
    """The backend in which it ran; `none` if it did not run."""
    language: Name
    command: Message = ""
    basis: Literal["tests", "exit_code"] = "tests"
    """`tests`: each test has reported its result. `exit_code`: only the exit code counts."""
    total: int | None = Field(default=None, ge=0)
    """Number of tests that were found; None if that is not known."""
    passed_tests: int | None = Field(default=None, ge=0)
    failed_tests: int | None = Field(default=None, ge=0)
    failures: Annotated[tuple[FailedTest, ...], BeforeValidator(_keep_first)] = ()
    output: Annotated[str, BeforeValidator(_keep_tail)] = ""
    """The end of what it printed."""
    seconds: float = Field(default=0, ge=0)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """Whether the code ran and everything passed."""
        return self.verdict == "passed"

    @property
    def first_failure(self) -> FailedTest | None:
        """The failing test that a repair should begin with."""
        return self.failures[0] if self.failures else None

    @property
    def signature(self) -> str:
        """A short text that is equal for two runs that failed in the same way."""
        failures = [(each.test, _remove_changing(each.message)) for each in self.failures]
        parts = [self.verdict, _remove_changing(self.reason), self.failed_tests, failures]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def summary(self) -> str:
        """One line for people: the verdict, the counts, and what went wrong first."""
        counts = f"{self.passed_tests or 0} of {self.total}" if self.total else ""
        if self.verdict == "passed":
            return f"passed {counts or '(exit code 0)'}"
        first = self.first_failure
        what = f"{first.test}: {first.message}" if first else self.reason
        line = " ".join(what.split())[:200]
        verdict = "" if self.verdict == "failed" and (counts or line) else self.verdict
        passed = f"{counts} tests passed" if counts else ""
        return ": ".join(each for each in (verdict.replace("_", " "), passed, line) if each)


def _remove_changing(text: str) -> str:
    return _CHANGING.sub("~", text)
