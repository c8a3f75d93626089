"""Payloads about subtasks: the work and its result."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from protocol.messages.envelope import Payload


class SubtaskParams(Payload):
    """The work. More keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    git_branch: str | None = None
    target_file: str | None = None
    model_id: str
    """The stamp: the model that should do the work."""
    generation_prompt: str
    code_context: str | None = None
    language: str | None = None
    framework: str | None = None


class SubtaskMetadata(Payload):
    """Hints for doing the work."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    priority: Literal["low", "medium", "high"] = "medium"
    estimated_duration: int = 30_000
    model_preferences: list[str] = Field(default_factory=list)
    queued: int | None = None
    """Number of subtasks queued in this lane by the same transaction without a message."""


class McpSubtask(Payload):
    """A subtask is ready. An executor claims it with `cogo_claim_subtasks`."""

    subtask_id: UUID
    task_id: UUID
    type: str
    params: SubtaskParams
    metadata: SubtaskMetadata = Field(default_factory=SubtaskMetadata)


class SubtaskCancelled(Payload):
    """A running subtask should stop. Its next lease extension is answered with `cancel`, too."""

    subtask_id: UUID
    task_id: UUID
    attempt: int
    reason: str | None = None


class ModelPerformance(Payload):
    """Duration, tokens and cost of the call."""

    model_id: str | None = None
    response_time: int | None = None
    tokens_used: int | None = None
    cost_usd: float | None = None
    """None if the price is unknown."""


class ResultMetadata(Payload):
    """The origin of a result."""

    source: str
    model_id: str | None = None
    model_performance: ModelPerformance | None = None


class ResultOutput(Payload):
    """The output. More keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    generated_code: str | None = None
    model_used: str | None = None
    generation_time: int | None = None
    file_path: str | None = None
    reasoning_content: str | None = None
    verification: dict[str, Any] | None = None


class SubtaskResult(Payload):
    """A subtask ended."""

    subtask_id: UUID
    task_id: UUID
    status: Literal["completed", "failed"]
    output: ResultOutput | None = None
    error: dict[str, Any] | str | None = None
    execution_time: int
    metadata: ResultMetadata
