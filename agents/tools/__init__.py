"""Tools that models and workflows call: functions of users, those of MCP servers, and our own.

- `toolbox`: all that models may call here. Its sources: `functions`, `mcp` and `own`.
- `names` and `grants`: what they are called, and who may use them. `params`: what a task says.
- `definition`: the decorator `tool`, and what a function takes and returns.
- `loading`: the functions of a module. `worker` and `child`: the process in which they run, which
  can be killed. `host`: all functions that an executor offers.
"""

from agents.tools.definition import ArgumentsInvalid, ToolFunction, ToolInvalid, tool

__all__ = ["ArgumentsInvalid", "ToolFunction", "ToolInvalid", "tool"]
