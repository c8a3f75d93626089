"""Streams: feeds of tasks and lists of tasks, shared by their watchers, as server-sent events."""
