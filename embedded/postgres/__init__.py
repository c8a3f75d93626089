"""The Postgres cluster of the embedded server."""
