"""The Postgres cluster of the embedded server, and connections to it."""
