"""The lanes of the queue. SQL: `cogo.is_model_lane`."""

from typing import Final

CIO: Final = "cio"
"""Orchestrators claim flows and rerouted subtasks from it."""
WAIT: Final = "wait"
"""Steps that wait for a person, a time, an event or a task. Nobody claims from it."""
SANDBOX: Final = "sandbox:"
"""Prefix of the lanes of checks, such as `sandbox:python`."""
TOOLS: Final = "tools:"
"""Prefix of the lanes of tool functions, followed by their module."""
EMBEDDINGS: Final = f"{TOOLS}cogo.embeddings/"
"""Prefix of the lanes of embeddings, followed by the embedding model."""
MEMORY: Final = f"{TOOLS}cogo.memory"
"""The lane of steps of memory that call no model."""

RERANKS: Final = f"{TOOLS}cogo.rerank/"
"""Prefix of the lanes of rankings, followed by the rerank model."""


def is_model_lane(lane: str) -> bool:
    """Return whether the lane is a model: the subtasks in it are calls of that model."""
    return lane not in {CIO, WAIT} and not lane.startswith((SANDBOX, TOOLS))


def is_calling_lane(lane: str) -> bool:
    """Return whether subtasks of the lane call models: also embeddings and rankings."""
    return is_model_lane(lane) or lane.startswith((EMBEDDINGS, RERANKS))


def read_embedding_lane(lane: str) -> str | None:
    """Return the embedding model of such a lane, or None for another lane."""
    return lane.removeprefix(EMBEDDINGS) if lane.startswith(EMBEDDINGS) else None


def read_rerank_lane(lane: str) -> str | None:
    """Return the rerank model of such a lane, or None for another lane."""
    return lane.removeprefix(RERANKS) if lane.startswith(RERANKS) else None
