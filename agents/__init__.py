"""The agents: the runtime they share, the orchestrator (CIO) and the executor."""
