"""Payloads about models: which to choose, and what became of them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.messages.envelope import Payload


class ModelSelectionRequest(Payload):
    """A request for the model that the CIO would choose."""

    task_id: str | None = Field(default=None, max_length=200)
    """Any name, which the answer repeats; not necessarily the id of a task."""
    subtask_id: str | None = Field(default=None, max_length=200)
    requested_model: str | None = None
    available_models: list[str] = Field(default_factory=list)
    """Candidates; empty: all served models."""
    model_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    selection_reason: str | None = None
    task_requirements: dict[str, Any] = Field(default_factory=dict)
    """complexity, language, framework, taskType, performanceNeeded, accuracyNeeded."""


class ModelSelectionResponse(Payload):
    """The model that the CIO chose, and why."""

    request_id: UUID | None = None
    """The id of the request; None for a choice without one."""
    task_id: str | None = None
    """As in the request."""
    subtask_id: str | None = None
    requested_model: str | None = None
    selected_model: str | None = None
    available_models: list[str] = Field(default_factory=list)
    model_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    selection_reason: str | None = None
    error: str | None = None
    """Why no model was selected."""


class ModelStatus(Payload):
    """A model became available or unavailable, everywhere or at one deployment."""

    model_id: str
    """Or the id of a provider that an operator named; `policy` if a policy was set."""
    provider: str | None = None
    deployment: str | None = None
    """The deployment whose circuit opened or closed; others may still serve the model."""
    until: datetime | None = None
    """When it may be called again, at the earliest."""
    status: Literal["available", "degraded", "unavailable"]
    reason: str | None = None
    kind: Literal["health", "control", "policy"] | None = None
    """Kind of change, like the next fields from `cogo_model_switches`; None: a circuit."""
    scope: str | None = None
    was: str | None = None
    became: str | None = None
    who: str | None = None
    numbers: dict[str, Any] = Field(default_factory=dict)


class ModelControl(Payload):
    """An operator pins, bans, drains or allows a model or a provider.

    Sending on this topic requires the secret key. MODEL_STATUS reports what changed.
    """

    action: Literal["pin", "ban", "drain", "allow"]
    subject: str = Field(min_length=1, max_length=200)
    """A provider's id, or a model's id, alias or role: the model that it stands for now."""
    scope: str = Field(
        default="everywhere", pattern=r"^(everywhere|owner:[0-9a-fA-F-]{36}|task_type:.+)$"
    )
    """`everywhere`, `owner:<uuid>` or `task_type:<type>`."""
    reason: str | None = Field(default=None, max_length=1000)
