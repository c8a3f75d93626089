"""The executor process: executes the subtasks of its lanes. Start at `service.run_executor`."""
