"""Protocols of the database, one per subject."""
