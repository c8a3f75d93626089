"""Realtime's frames."""
