"""The params of a check: the code, its tests or a command, and limits."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
    model_validator,
)

from agents.sandbox.job import Hit, Outcome, RunLimits
from agents.sandbox.report import Report, Verdict
from protocol.json_values import explain_first_mistake

MAX_FILES: Final = 500
MAX_BYTES: Final = 8 << 20
RESERVED: Final = ".cogo"
"""The beginning of the names of our own files in the directory of a run."""

SandboxLanguage = Literal["python", "node", "command"]
LANGUAGES: Final[Mapping[str, SandboxLanguage]] = {
    **dict.fromkeys(("python", "py", "python3"), "python"),
    **dict.fromkeys(("node", "javascript", "typescript"), "node"),
    **dict.fromkeys(("js", "jsx", "ts", "tsx", "mjs"), "node"),
    "command": "command",
}
"""Names of languages as models and people write them, and what runs them."""


class InvalidCheck(ValueError):
    """The params of a check cannot be run by any sandbox."""


def _check_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or not path.name:
        raise ValueError(f"{value[:100]!r} must be the path of a file inside the directory")
    if not value.isprintable() or len(value) > 250 or len(path.parts) > 20:
        raise ValueError(f"{value[:100]!r} is not a path that every system has")
    if path.parts[0].startswith(RESERVED):
        raise ValueError(f"names that begin with {RESERVED} are reserved")
    return str(path)


def _check_command(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("a command must have words, and no NUL")
    return value


FilePath = Annotated[str, AfterValidator(_check_path)]


class LimitsParams(BaseModel):
    """Limits that a check asks for; the executor's own settings are the maximum."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wall_seconds: PositiveFloat | None = None
    cpu_seconds: PositiveFloat | None = None
    memory_mb: PositiveInt | None = None
    processes: PositiveInt | None = None
    output_bytes: PositiveInt | None = None
    disk_mb: PositiveInt | None = None
    open_files: PositiveInt | None = None


class CheckParams(BaseModel):
    """The params of a step of kind `check`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "python"
    files: dict[FilePath, str] = Field(default_factory=dict, max_length=MAX_FILES)
    tests: (
        Annotated[
            Annotated[str, Tag("text")] | Annotated[dict[FilePath, str], Tag("files")],
            Discriminator(lambda value: "files" if isinstance(value, dict) else "text"),
        ]
        | None
    ) = None
    """Files of tests, or the text of one."""
    command: Annotated[str, Field(max_length=4_000), AfterValidator(_check_command)] | None = None
    """A command of the shell, instead of a language's own way to run tests."""
    limits: LimitsParams | None = None
    against: Literal["code", "stub"] = "code"
    """`stub`: run the tests on functions without results, to see whether they can fail."""
    # Without a repetition in the pattern, which pydantic would compile to 8 MB.
    entry_point: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=100)] | None = None
    """The function that tests of the form `check(candidate)` are given; else the last one."""

    @model_validator(mode="after")
    def _check_size(self) -> "CheckParams":
        tests = self.tests if isinstance(self.tests, dict) else {"": self.tests or ""}
        if len(tests) > MAX_FILES:
            raise ValueError(f"there are more than {MAX_FILES} files")
        texts = [*self.files.values(), *tests.values()]
        if sum(map(len, texts)) > MAX_BYTES:
            raise ValueError(f"the files are larger than {MAX_BYTES >> 20} MB together")
        return self

    @property
    def runner(self) -> SandboxLanguage | None:
        """The sandbox language that runs the check; None if nothing can."""
        if self.command is not None:
            return "command"
        return LANGUAGES.get(self.language.strip().lower())

    def bound_limits(self, defaults: RunLimits, maximum: RunLimits) -> RunLimits:
        """Return the limits that are asked for, else `defaults`, but none beyond `maximum`."""
        stated = self.limits.model_dump(exclude_none=True) if self.limits else {}
        names = [each.name for each in fields(RunLimits)]
        wanted = {name: stated.get(name, getattr(defaults, name)) for name in names}
        return RunLimits(**{name: min(wanted[name], getattr(maximum, name)) for name in names})


def parse_check(params: Any) -> CheckParams:
    """Return validated params. Raise InvalidCheck, with what is wrong with them."""
    try:
        return CheckParams.model_validate(params)
    except ValidationError as error:
        raise InvalidCheck(explain_first_mistake(error)) from error


def encode_files(files: Mapping[str, str]) -> dict[str, bytes]:
    """Return files as they are written; what UTF-8 cannot encode is replaced."""
    return {path: text.encode("utf-8", "replace") for path, text in files.items()}


_HITS: Final[Mapping[Hit, tuple[Verdict, str]]] = {
    "wall": ("timeout", "it took longer than its limit of {limits.wall_seconds:g} s"),
    "cpu": ("timeout", "it took more than its limit of {limits.cpu_seconds:g} s of CPU time"),
    "memory": ("memory", "it needed more memory than its limit of {limits.memory_mb} MB"),
    "output": ("crashed", "it printed more than its limit of {limits.output_bytes} bytes"),
    "processes": ("crashed", "it started more processes than its limit of {limits.processes}"),
    "disk": ("crashed", "it wrote more than its limit of {limits.disk_mb} MB"),
}


def explain_hit(outcome: Outcome, limits: RunLimits) -> tuple[Verdict, str] | None:
    """Return the verdict and the sentence for the limit that ended a run, if one did."""
    if outcome.hit is None:
        return None
    verdict, text = _HITS[outcome.hit]
    return verdict, text.format(limits=limits)


def explain_exit(outcome: Outcome) -> str:
    """Return how a process ended, as the end of a sentence."""
    if outcome.signal is not None:
        return f"was ended by signal {outcome.signal}"
    return f"ended with exit code {outcome.exit_code}"


def build_unavailable_report(language: str, reason: str, *, sandbox: str = "none") -> Report:
    """Return the report of a check that cannot run on this machine."""
    return Report(verdict="unavailable", reason=reason, sandbox=sandbox, language=language)


def build_refused_report(language: str, reason: str) -> Report:
    """Return the report of a check that no machine can run."""
    return Report(verdict="refused", reason=reason, sandbox="none", language=language)
