"""Why the embedded server cannot start, in words for the person who started it."""


class CannotStart(Exception):
    """The server cannot start here; the message is one sentence that says what to do.

    Nothing that existed before was changed.
    """


class PortInUse(CannotStart):
    """The port that was asked for belongs to another process. Ask for another, or for none."""


class DirectoryInUse(CannotStart):
    """Another server holds the state directory. Use that one, or another directory."""


class ForeignData(CannotStart):
    """The data directory was written by another major version of Postgres."""


class PostgresFailed(CannotStart):
    """Postgres refused to start; the message carries the last lines of its log."""
