"""Steps of workflows that call no model: checks in the sandbox, and calls of tools."""
