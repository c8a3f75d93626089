"""The steps that a workflow may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, Literal, ParamSpec, TypeVar, overload

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from agents.memory.citing import RECALLED
from agents.sandbox.report import Report
from agents.tools import ArgumentsInvalid, ToolFunction
from agents.tools.names import (
    read_mcp_name,
    write_embedding_module,
    write_mcp_module,
    write_rerank_module,
)
from agents.workflows.engine import readers
from agents.workflows.engine.definition import (
    check_event_name,
    check_step_key,
    check_time,
    list_attachments,
    name_tool,
)
from agents.workflows.engine.errors import WorkflowInvalid
from agents.workflows.engine.replay import Replay
from agents.workflows.engine.values import Answer, Approval, TaskOutcome
from agents.workflows.engine.work import Step
from agents.workflows.params.step_params import EXTRACT_CODE, PROBLEM
from protocol.json_values import explain_first_mistake
from protocol.records import ApprovalOptions, JudgementSource
from protocol.records.flows import StepKind, StepRecord
from providers.rerank.records import RankedDocument

EMBEDDING: Final = "embedding"
"""The kind of decisions about embedding models."""
MEMORY_MODEL: Final = "memory"
"""The kind of decisions about the embedding model of memory."""
RERANK: Final = "rerank"
"""The kind of decisions about rerank models."""
T = TypeVar("T")
P = ParamSpec("P")
M = TypeVar("M", bound=BaseModel)


class StepDescriber:
    """Describes steps, which begin when they are awaited. `Run` is the whole of it."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.recalled: Mapping[str, JsonValue] | None = None
        """What was found in the task's params.sources, for steps that get the conversation:
        `hits` and `notes`."""

    @property
    def recalled_params(self) -> dict[str, JsonValue]:
        """The params with which a child task sees the same sources by the same numbers."""
        return {RECALLED: dict(self.recalled)} if self.recalled else {}

    @overload
    def ask(
        self,
        key: str,
        prompt: str,
        *,
        schema: type[M],
        model: str | None = None,
        role: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        effort: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        language: str | None = None,
        answer: bool = False,
        not_by: Sequence[Answer | str] = (),
        after: Sequence[Answer | str] = (),
        with_history: bool = False,
        tools: Sequence[ToolFunction[..., Any] | str] | None = None,
        attachments: Sequence[str | Mapping[str, Any]] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Step[M]: ...

    @overload
    def ask(
        self,
        key: str,
        prompt: str,
        *,
        schema: None = None,
        model: str | None = None,
        role: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        effort: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        language: str | None = None,
        answer: bool = False,
        not_by: Sequence[Answer | str] = (),
        after: Sequence[Answer | str] = (),
        with_history: bool = False,
        tools: Sequence[ToolFunction[..., Any] | str] | None = None,
        attachments: Sequence[str | Mapping[str, Any]] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Step[Answer]: ...

    def ask(
        self,
        key: str,
        prompt: str,
        *,
        schema: type[BaseModel] | None = None,
        model: str | None = None,
        role: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        effort: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        language: str | None = None,
        answer: bool = False,
        not_by: Sequence[Answer | str] = (),
        after: Sequence[Answer | str] = (),
        with_history: bool = False,
        tools: Sequence[ToolFunction[..., Any] | str] | None = None,
        attachments: Sequence[str | Mapping[str, Any]] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Step[Any]:
        """Ask one model.

        `model` names it; without, it is chosen for the task and `role` (such as `coding` or
        `reviewer`). `language` asks for code. `not_by` excludes the makers of answers; `after`
        names answers that failed, for statistics. With `schema` the value is data that fits that
        model of pydantic; an answer that does not fit raises StepFailed of class
        `invalid_answer`. The text of steps with `answer` is shown as the task's text. `tools` are
        those that the model may call: functions with @tool, or names as in `params.tools`.
        `attachments` are images and files, as in `params.attachments`.
        """
        given: object = prompt
        if not isinstance(given, str):
            raise WorkflowInvalid(f"the prompt of step {key!r} is {type(given).__name__}, no text")
        request = {
            "prompt": prompt,
            "model": model,
            "role": role,
            "system": system,
            "messages": None if messages is None else [dict(each) for each in messages],
            "schema": None if schema is None else readers.describe_schema(schema),
            "effort": effort,
            "temperature": temperature,
            "max_output_tokens": max_output_tokens,
            "language": language,
            "not_by": readers.list_models(not_by),
            "with_history": with_history,
            "params": {
                **({EXTRACT_CODE: True} if language else {}),
                **({"attachments": list_attachments(key, attachments)} if attachments else {}),
                **(params or {}),
                **(self.recalled_params if with_history else {}),
            },
        }
        if after:
            request["after"] = readers.list_models(after)
        if tools:  # absent otherwise, as it is part of the digest
            request["tools"] = [name_tool(each) for each in tools]
        if schema is None:
            return self._describe(
                "ask", key, request, readers.read_answer, role=role, answer=answer
            )

        read = partial(readers.read_data, model=schema)
        return self._describe("ask", key, request, read, role=role, answer=answer)

    def check(
        self,
        key: str,
        *,
        files: Mapping[str, str],
        tests: str | Mapping[str, str] | None = None,
        command: str | None = None,
        language: str = "python",
        limits: object | None = None,
        judges: Answer | None = None,
        **more: str | None,
    ) -> Step[Report]:
        """Run code with its tests or by `command`; `against="stub"` runs tests without the code.

        `judges` is the answer that the report counts for when models are selected; `tests_by`
        names the model that wrote the tests, which then count for less.
        """
        request: dict[str, Any] = {
            "language": language,
            "files": dict(files),
            "tests": dict(tests) if isinstance(tests, Mapping) else tests,
            "command": command,
            "limits": asdict(limits)
            if is_dataclass(limits) and not isinstance(limits, type)
            else limits,
            **{name: value for name, value in more.items() if value is not None},
            **({"judges": judges.step} if judges else {}),
        }
        step = self._describe("check", key, request, readers.read_report)

        def read(record: StepRecord) -> Report:
            report = readers.read_report(record)
            verdict = readers.find_verdict(report, is_written=more.get("tests_by") is not None)
            if judges is not None and verdict is not None:
                self._replay.judgements.add(*verdict, step=judges.step)
            return report

        step.read = read
        return step

    def judge(
        self,
        answer: Answer | Step[Any],
        score: float,
        *,
        source: JudgementSource = "run",
        by: Answer | None = None,
    ) -> None:
        """Record how good an answer was, from 0 (bad) to 1 (good), for the statistics of its model.

        A step stands for its answer, a task for the answer that became its result. `run`: it was
        tried out, as by a tool; `agreement`: independent answers agree, or not. What the answer
        `by` of a model shows does not count for its maker. What is said first counts.
        """
        if not 0 <= score <= 1:
            raise WorkflowInvalid(f"the score of an answer is {score}; it must be from 0 to 1")
        step = answer.key if isinstance(answer, Step) else answer.step
        self._replay.judgements.add(source, score, step=step, judge=by.step if by else None)

    def call(self, function: ToolFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Step[T]:
        """Call a function with `@tool` once, where its module is served; its name is the key.

        Raises OutcomeUnknown, when awaited, if whoever ran it has died, unless it is idempotent.
        """
        given: object = function
        if not isinstance(given, ToolFunction):
            name = getattr(given, "__name__", type(given).__name__)
            raise WorkflowInvalid(f"run.call needs a function with @tool, which {name} has not")
        try:
            arguments = function.write_arguments(*args, **kwargs)
        except ArgumentsInvalid as error:
            raise WorkflowInvalid(str(error)) from None
        request: dict[str, Any] = {
            "module": function.module,
            "name": function.name,
            "arguments": arguments,
            **({"retries": function.retries} if function.retries else {}),
        }
        return self._describe(
            "call", function.name, request, partial(readers.read_value, tool=function)
        )

    def tool(
        self, key: str, name: str, arguments: Mapping[str, JsonValue] | None = None
    ) -> Step[JsonValue]:
        """Call a tool by its name, such as `mcp:SERVER/TOOL`; the value is what it returns.

        Raises OutcomeUnknown, when awaited, if whoever ran it has died, unless the server or
        `cogo.toml` says that it may run again.
        """
        found = read_mcp_name(name)
        if found is None:
            raise WorkflowInvalid(
                f"run.tool calls tools of MCP servers, mcp:SERVER/TOOL, which {name[:100]!r} is "
                "not; run.call calls functions"
            )
        server, tool = found
        request: dict[str, Any] = {
            "module": write_mcp_module(server),
            "name": tool,
            "arguments": dict(arguments or {}),
        }
        return self._describe("call", key, request, readers.read_json)

    def _describe_embedding(
        self, key: str, decision: JsonValue, arguments: dict[str, Any]
    ) -> Step[list[list[float]]]:
        model = decision.get("model") if isinstance(decision, dict) else None
        request: dict[str, Any] = {
            "module": write_embedding_module(str(model)),
            "name": "embed",
            "arguments": arguments,
        }
        return self._describe("call", key, request, readers.read_vectors)

    def _describe_ranking(
        self, key: str, decision: JsonValue, arguments: dict[str, Any]
    ) -> Step[list[RankedDocument]]:
        found = decision if isinstance(decision, dict) else {}
        request: dict[str, Any] = {
            "module": write_rerank_module(str(found.get("model"))),
            "name": "rerank",
            "arguments": arguments,
        }
        if found.get("model") is None:
            request[PROBLEM] = found.get("problem") or "no executor can rank documents now"
        read = partial(readers.read_ranking, count=len(arguments["documents"]))
        return self._describe("call", key, request, read)

    def approve(
        self,
        key: str,
        question: str,
        *,
        show: JsonValue = None,
        by: str | None = None,
        cost_usd: float | None = None,
        expires_in: float | None = None,
        on_expiry: Literal["refuse", "approve"] | None = None,
        escalate: Mapping[str, Any] | None = None,
        judges: Answer | Step[Any] | None = None,
    ) -> Step[Approval]:
        """Wait for a person's decision; `show` is what it is about, `by` whose it is.

        `cost_usd` is what an approval may cost. After `expires_in` seconds without an answer the
        decision is a refusal, or as `on_expiry` says. `escalate={"after": SECONDS, "to": PERSON}`
        asks another person too, or `operators`. `judges` is the answer that a person finds good or
        bad by it, or its step.
        """
        given = {
            "cost_usd": cost_usd,
            "expires_in": expires_in,
            "on_expiry": on_expiry,
            "escalate": escalate,
        }
        try:
            options = ApprovalOptions.model_validate(given)
        except ValidationError as error:
            raise WorkflowInvalid(f"step {key!r}: {explain_first_mistake(error)}") from None
        # What is absent is no part of the digest.
        request = {"question": question, "show": show, "by": by} | options.model_dump(
            mode="json", exclude_none=True
        )
        step = self._describe("approve", key, request, readers.read_approval)

        def read(record: StepRecord) -> Approval:
            approval = readers.read_approval(record)
            if judges is not None and (record.output or {}).get("via") != "expiry":
                self.judge(judges, float(approval.approved), source="approval")
            return approval

        step.read = read
        return step

    def sleep_until(self, key: str, when: datetime) -> Step[None]:
        """Wait until a time."""
        check_time(f"step {key!r}", when)
        return self._describe("sleep", key, {"until": when.isoformat()}, readers.read_nothing)

    def event(self, key: str, name: str) -> Step[JsonValue]:
        """Wait for an event of this name; the value is its payload."""
        return self._describe("event", key, {"name": check_event_name(name)}, readers.read_event)

    def task(
        self,
        key: str,
        type_: str,
        prompt: str,
        params: Mapping[str, JsonValue] | None = None,
        budget_usd: Decimal | float | None = None,
    ) -> Step[TaskOutcome]:
        """Run a child task and wait for its result."""
        request = {
            "type": type_,
            "prompt": prompt,
            "params": dict(params or {}),
            "budget_usd": None if budget_usd is None else str(budget_usd),
        }
        return self._describe("task", key, request, readers.read_outcome)

    def _describe(
        self,
        kind: StepKind,
        key: str,
        request: dict[str, Any],
        read: Any,
        *,
        role: str | None = None,
        answer: bool = False,
    ) -> Step[Any]:
        try:
            asked = to_jsonable_python(request)
        except PydanticSerializationError as error:
            raise WorkflowInvalid(
                f"step {key!r} asks for something that is no JSON: {error}"
            ) from None
        step: Step[Any] = Step(
            self._replay, kind=kind, request=asked, read=read, role=role, answer=answer
        )
        self._replay.describe(step, check_step_key(key))
        return step
