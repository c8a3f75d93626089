"""The executor process: executes the subtasks of its lanes. Start at `service.run_executor`.

`tool_loop` asks models that may call tools; `steps` runs what needs no chat model.
"""
