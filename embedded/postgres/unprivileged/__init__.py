"""Starts Postgres as an unprivileged account."""
