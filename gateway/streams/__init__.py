"""Watched tasks: one feed a task, any number of watchers, each with a cursor of its own."""
