"""The `params` of a task, validated before anything is spent."""

import re
from collections.abc import Mapping
from operator import itemgetter
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    field_validator,
    model_validator,
)

from agents.attachments import AttachmentList
from agents.errors import MAX_SHOWN, suggest_similar
from agents.extraction.paths import check_file_path
from agents.sandbox.check import parse_check
from agents.selection.requirements import Requirements
from agents.tools.params import MAX_TOOLS, ClientTool, ToolChoiceParam, ToolLimits, ToolName
from providers.catalogue.schema import TimeoutSeconds
from providers.chat import Effort

MOST_TOKENS = 10_000_000
"""Above every model's longest answer."""
MAX_CHARACTERS = 2_000_000
"""Above every context window of the catalogue; the model's own window is checked at selection."""
MAX_CALL_ID = 10_000
"""Some vendors keep a signature of the reasoning in the id of a call."""
MAX_CALL_NAME = 200
MAX_FILES = 200
"""Maximum number of files in params."""
MAX_SOURCES = 100
MAX_NOTES = 20
"""Maximum number of unknown params that are named individually."""
MAX_TURNS = 1_000

_UNSENT: Final = frozenset(
    {"cache", "fork_session", "history", "on_budget", "recalled", "remember", "rerank"}
    | {"response_schema", "review", "sources", "task_requirements", "timeouts"}
)
"""Params that orchestrators and executors read from the task itself."""
_REFUSED_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)")


def _branch(value: str) -> str:
    """Reject names that git rejects (https://git-scm.com/docs/git-check-ref-format)."""
    refused = (
        not value
        or value in {"@", "HEAD"}
        or value[0] in "-./"
        or value[-1] in "./"
        or _REFUSED_IN_BRANCH.search(value) is not None
    )
    if refused:
        raise ValueError(
            f"{value[:100]!r} is not a valid git branch name; example: feature/csv-export"
        )
    return value


SourceName = Annotated[str, Field(min_length=1, max_length=1_000)]
"""The source of documents, `notes/*` for those that begin so, `facts` or `documents`."""
Branch = Annotated[str, Field(max_length=200), AfterValidator(_branch)]
TargetFile = Annotated[str, Field(max_length=1_000), AfterValidator(check_file_path)]


def _check_history(value: object) -> object:
    """Refuse anything but `off` and a number of turns, with one sentence for both."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value in (None, "off") or (is_number and 0 <= cast("int", value) <= MAX_TURNS):
        return value
    raise ValueError(f'must be "off" or a number of turns from 0 to {MAX_TURNS}')


class ForkedSession(BaseModel):
    """A session, and the last of its messages that the copy has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_id: UUID
    through: Annotated[StrictInt, Field(ge=1)] | None = None


class Params(BaseModel):
    """The params of every type of task. Unknown ones are named in the notes of the result."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    max_output_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: list[str] | None = Field(default=None, max_length=16)
    reasoning_effort: Effort | None = None
    cache: StrictBool | None = None
    """Whether a cached answer may be used; the executor reads it from the task."""
    timeouts: TimeoutSeconds | None = None
    """Read by the executor from the task."""
    on_budget: Literal["fail", "ask"] | None = None
    """What a spent budget does: fail the step, or let it wait until a person has agreed to more."""
    task_requirements: dict[str, object] | None = None
    """Read at selection."""
    tools: list[ToolName] | None = Field(default=None, max_length=MAX_TOOLS)
    """Tools that the model may call while it answers."""
    client_tools: list[ClientTool] | None = Field(default=None, max_length=MAX_TOOLS)
    """Tools that the caller runs: a call of one ends the answer."""
    tool_choice: ToolChoiceParam | None = None
    parallel_tool_calls: StrictBool | None = None
    tool_limits: ToolLimits | None = None
    response_schema: dict[str, object] | None = None
    """JSON Schema of the data that the result must have; the engine asks the right step for it."""
    history: Annotated[Literal["off"] | int | None, BeforeValidator(_check_history)] = None
    """How many turns of the session are sent: `off`, or at most a number; None: what fits."""
    fork_session: ForkedSession | None = None
    """The session that is copied for this task; the database does it when it is inserted."""
    review: StrictBool | None = None
    """Whether a model of another maker reviews the result; the engine asks it."""
    attachments: AttachmentList | None = None
    """Images, PDF files and texts, for models that read them."""
    sources: list[SourceName] | None = Field(default=None, min_length=1, max_length=MAX_SOURCES)
    """Where the engine searches before the workflow begins; the answer cites what it finds."""
    rerank: StrictBool | Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Whether a rerank model orders what is found in the sources, or which one."""
    recalled: dict[str, object] | None = None
    """Of child tasks: what the task above has found in its sources."""
    remember: StrictBool | None = None
    """Whether facts of the request and the answer are remembered afterwards."""

    @field_validator("client_tools")
    @classmethod
    def _check_names(cls, tools: list[ClientTool] | None) -> list[ClientTool] | None:
        names = [each.name for each in tools or ()]
        if twice := next((each for each in names if names.count(each) > 1), None):
            raise ValueError(f"two tools are named {twice}")
        return tools

    def for_request(self) -> dict[str, Any]:
        """Return what goes into the request to the model, as JSON."""
        return self.model_dump(mode="json", exclude={*_UNSENT}, exclude_none=True)

    def for_child(self) -> dict[str, Any]:
        """Return what a task wants of its child tasks as well, as JSON."""
        return self.model_dump(mode="json", include={"cache", "timeouts"}, exclude_none=True)


class CodeParams(Params):
    """The params of tasks about code."""

    git_branch: Branch | None = None
    target_file: TargetFile | None = None
    language: str | None = Field(default=None, max_length=100)
    framework: str | None = Field(default=None, max_length=100)
    code_context: str | None = Field(default=None, max_length=MAX_CHARACTERS)
    tests: (
        Annotated[
            Annotated[str, Field(max_length=MAX_CHARACTERS), Tag("text")]
            | Annotated[
                dict[TargetFile, str], Field(min_length=1, max_length=MAX_FILES), Tag("files")
            ],
            Discriminator(lambda value: "files" if isinstance(value, dict) else "text"),
        ]
        | None
    ) = None
    """The text of one file of tests, or files by path. Results are `verified` only with them."""
    test_command: str | None = Field(default=None, min_length=1, max_length=4_000)
    """A command that ends with 0 if the code works, such as `pytest -q`."""
    files: dict[TargetFile, str] | None = Field(default=None, max_length=MAX_FILES)
    """Files that the code and its tests need, by path."""
    verify: Literal["auto", "off"] = "auto"
    """`off`: one draft is handed over without being run."""

    @model_validator(mode="after")
    def _check_run(self) -> Self:
        """Refuse what the sandbox would refuse only after answers were paid for."""
        if isinstance(self.tests, dict) and self.target_file in self.tests:
            raise ValueError(
                "tests: the target file must not be one of the tests, which stay as they are"
            )
        parse_check({"files": self.files or {}, "tests": self.tests, "command": self.test_command})
        return self

    def for_request(self) -> dict[str, Any]:
        """Return what goes into the request to the model, as JSON; tests as one text."""
        request = super().for_request()
        for unsent in ("test_command", "files", "verify"):
            request.pop(unsent, None)
        if isinstance(self.tests, dict):
            request["tests"] = "\n\n".join(f"# {path}\n{text}" for path, text in self.tests.items())
        return request


class AnalysisParams(CodeParams):
    """The params of ANALYZE_CODE."""

    analysis_type: Literal["review", "optimize", "debug", "document"] = "review"
    code: str | None = Field(default=None, max_length=MAX_CHARACTERS)


class OptimizationParams(CodeParams):
    """The params of OPTIMIZE_CODE."""

    code: str | None = Field(default=None, max_length=MAX_CHARACTERS)
    """The code to make faster; else params.code_context, else the fenced code of the prompt."""


class GivenCall(BaseModel):
    """A call of one of the caller's tools."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1, max_length=MAX_CALL_ID)
    name: str = Field(min_length=1, max_length=MAX_CALL_NAME)
    arguments: str = Field(default="{}", max_length=MAX_CHARACTERS)
    """As the model wrote them."""


class GivenMessage(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Literal["user", "assistant", "tool"]
    content: str = Field(max_length=MAX_CHARACTERS)
    attachments: AttachmentList | None = None
    """Of a user's turn, or of a tool's result."""
    tool_calls: list[GivenCall] | None = Field(default=None, max_length=MAX_TOOLS)
    """Calls of the caller's tools, in an assistant's turn."""
    answer_of: UUID | None = None
    """In an assistant's turn with calls: the task that gave it, from which come its reasoning and
    what tools of ours gave before it."""
    has_reasoning: bool = False
    """With `answer_of`: whether the answer had reasoning, which is missed if it is not sent."""
    tool_call_id: str | None = Field(default=None, max_length=MAX_CALL_ID)
    """In a tool's turn: the call whose result it is."""

    @model_validator(mode="after")
    def _check_role(self) -> Self:
        if self.attachments and self.role == "assistant":
            raise ValueError("attachments: only turns of the user and of tools have files")
        if self.tool_calls and self.role != "assistant":
            raise ValueError("only turns of the role assistant have tool_calls")
        if (self.tool_call_id is None) == (self.role == "tool"):
            raise ValueError("turns of the role tool, and only those, have a tool_call_id")
        return self


class ChatParams(Params):
    """The params of CHAT and of the single answers of the swarms."""

    system: str | None = Field(default=None, max_length=100_000)
    messages: list[GivenMessage] | None = Field(default=None, min_length=1, max_length=2_000)
    """The whole conversation. It replaces the prompt, which then is only its title."""
    client_request: dict[str, object] | None = None
    """What the gateway repeats to a client that asks for its response; nothing reads it here."""

    def for_request(self) -> dict[str, Any]:
        """Return what goes into the request to the model, as JSON."""
        request = super().for_request()
        request.pop("client_request", None)
        return request

    @model_validator(mode="after")
    def _check_results(self) -> Self:
        """Refuse what vendors refuse: calls without their results, and results without calls."""
        open_calls: set[str] = set()
        for number, turn in enumerate(self.messages or ()):
            if turn.tool_call_id is not None:
                if turn.tool_call_id not in open_calls:
                    raise ValueError(
                        f"messages.{number}: the turn before has no open call "
                        f"{turn.tool_call_id[:MAX_SHOWN]!r}"
                    )
                open_calls.remove(turn.tool_call_id)
            elif open_calls:
                missing = ", ".join(sorted(open_calls))[:MAX_SHOWN]
                raise ValueError(f"messages.{number}: the results of {missing} are missing")
            else:
                open_calls = {each.id for each in turn.tool_calls or ()}
        if open_calls:
            missing = ", ".join(sorted(open_calls))[:MAX_SHOWN]
            raise ValueError(f"messages: the results of {missing} are missing")
        return self

    def for_step(self, system: str, prompt: str) -> dict[str, Any]:
        """Return the params of one of several steps: `prompt` follows the conversation."""
        params = self.for_request()
        for of_one_answer in ("client_tools", "tool_choice"):
            params.pop(of_one_answer, None)
        params["system"] = f"{system}\n\n{self.system}" if self.system else system
        if self.messages:
            params["messages"] = [*params["messages"], {"role": "user", "content": prompt}]
        return params


class AutoParams(ChatParams):
    """The params of AUTO."""

    confirm_above_usd: float | None = Field(default=None, ge=0, le=1_000_000)
    """A person is asked before steps that cost more than this by estimate, or an unknown sum."""
    review_plan: StrictBool | None = None
    """Whether a person is asked for every plan."""

    def for_request(self) -> dict[str, Any]:
        """Return what goes into the request to the model, as JSON."""
        request = super().for_request()
        for unsent in ("confirm_above_usd", "review_plan"):
            request.pop(unsent, None)
        return request


def describe_unused(params: Mapping[str, Any], model: type[Params]) -> list[str]:
    """Return a sentence for each of the params that `model` does not have."""
    given = {name: value for name, value in params.items() if value is not None}
    places = [("params", given, frozenset(model.model_fields))]
    if "messages" in model.model_fields and isinstance(turns := given.get("messages"), list):
        fields = frozenset(GivenMessage.model_fields)
        places += [(f"params.messages.{number}", turn, fields) for number, turn in enumerate(turns)]
    if isinstance(needs := given.get("task_requirements"), dict):
        places.append(("params.task_requirements", needs, Requirements.list_names()))
    unknown = sorted(
        (
            (f"{place}.{name[:MAX_SHOWN]}", name[:MAX_SHOWN], known)
            for place, values, known in places
            for name in values.keys() - known
        ),
        key=itemgetter(0),
    )
    notes = [
        f"{path} is not known and was ignored.{suggest_similar(name, sorted(known))}"
        for path, name, known in unknown[:MAX_NOTES]
    ]
    if len(unknown) > MAX_NOTES:
        notes.append(f"{len(unknown) - MAX_NOTES} more unknown params were ignored.")
    return notes
