"""Tasks behind HTTP requests."""
