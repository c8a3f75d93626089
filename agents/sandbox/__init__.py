"""The sandbox: generated code runs here, with limits and without access to anything else."""

from agents.sandbox.choice import SandboxSearch, open_sandbox, search_sandbox
from agents.sandbox.job import (
    InvalidJob,
    Job,
    Outcome,
    RunLimits,
    Sandbox,
    SandboxBroken,
)

__all__ = [
    "InvalidJob",
    "Job",
    "Outcome",
    "RunLimits",
    "Sandbox",
    "SandboxBroken",
    "SandboxSearch",
    "open_sandbox",
    "search_sandbox",
]
