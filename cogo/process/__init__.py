"""A single process: start, shutdown, health, and the watch for its parent's death."""
