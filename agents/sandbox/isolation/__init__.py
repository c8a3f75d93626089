"""How code is kept apart: one module a backend, and what backends share."""

__all__: list[str] = []
