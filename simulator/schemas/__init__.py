"""JSON Schemas: what follows them, and which of them vendors refuse."""
