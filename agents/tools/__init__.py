"""Tools: functions of users that workflows call, each run in a process that can be killed.

- `definition`: the decorator `tool`, and what a function takes and returns.
- `loading`: the tools of a module. `worker` and `child`: the process in which they run.
- `host`: all tools that an executor offers, and `run_tool`, which runs one of them.
- `toolbox`: the tools that models may call, of all sources.
"""

from agents.tools.definition import ArgumentsInvalid, ToolFunction, ToolInvalid, tool

__all__ = ["ArgumentsInvalid", "ToolFunction", "ToolInvalid", "tool"]
