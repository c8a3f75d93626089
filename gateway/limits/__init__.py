"""Limits on requests, connections, slow clients, and the life of credentials."""
