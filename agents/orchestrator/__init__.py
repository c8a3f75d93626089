"""The orchestrator: plans tasks and chooses models."""
