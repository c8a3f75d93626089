"""Flows: workflows of tasks, advanced over their records. Start at `runner.FlowRunner`."""
