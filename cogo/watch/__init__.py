"""Watching tasks as they happen: rows for what is certain, channels for what is soon."""
