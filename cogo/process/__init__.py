"""A single process: start, shutdown, health and the watch on its parent."""
