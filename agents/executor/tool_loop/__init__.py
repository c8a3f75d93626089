"""Tool loops: a model answers, its tool calls are run, and it is asked again with the results.

What happened is stored turn by turn, so that whoever continues after a death asks for nothing and
runs nothing twice.

- `state`: what the stored turns say. `moves`: what to do next. `limits`: when it must end. These
  are pure.
- `offer`: the tools of one loop. `rejections`: calls that cannot be run, and what follows.
- `conversation` and `results`: what the model reads. `spending`: what the turns cost.
- `turn_log`, `tool_runs` and `loop`: the work itself. Start at `loop.ToolLoop`.
"""
