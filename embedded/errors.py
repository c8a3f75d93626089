"""Errors that prevent the embedded server from starting; the messages are for its user."""


class CannotStart(Exception):
    """The server cannot start; the message is one sentence that names the remedy.

    No existing data were changed.
    """


class PortInUse(CannotStart):
    """Another process uses the requested port."""


class DirectoryInUse(CannotStart):
    """Another server holds the state directory."""


class ForeignData(CannotStart):
    """Another major version of Postgres wrote the data directory."""


class PostgresFailed(CannotStart):
    """Postgres did not start; the message has the last lines of its log."""
