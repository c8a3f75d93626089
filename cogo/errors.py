"""Errors of commands: settings, the state directory, child processes.

CogoError (protocol.errors)
└── CommandError
    ├── UsageError
    ├── SettingMissing
    ├── SettingInvalid
    ├── NotRunning
    ├── AlreadyRunning
    ├── ChildFailed
    └── MigrationFailed
"""

from typing import ClassVar

from protocol.errors import CogoError


class CommandError(CogoError):
    """A command failed; the message says what to do."""

    code = "TQ910"
    exit_code: ClassVar[int] = 1


class UsageError(CommandError):
    """The command line is wrong: a value is malformed, or options exclude or need each other."""

    code = "TQ917"
    exit_code = 2


class SettingMissing(CommandError):
    """A required variable is not set. Set it in the environment or in `.env`."""

    code = "TQ911"
    exit_code = 78

    def __init__(self, name: str, *, example: str | None = None) -> None:
        hint = f", for example {name}={example}" if example else ""
        super().__init__(f"{name} is not set: set it in the environment or in .env{hint}")


class SettingInvalid(CommandError):
    """A variable has an invalid value. Correct it."""

    code = "TQ912"
    exit_code = 78

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(f"{name} cannot be used: {reason}")
        self.name = name


class NotRunning(CommandError):
    """No Supabase is running. Start the embedded one, or set SUPABASE_URL."""

    code = "TQ913"


class AlreadyRunning(CommandError):
    """A system already runs in this state directory. Use it, or stop it first."""

    code = "TQ914"


class ChildFailed(CommandError):
    """A child process ended before it was ready. Its log contains the reason."""

    code = "TQ915"


class MigrationFailed(CommandError):
    """A migration could not be applied. Nothing of its file was written."""

    code = "TQ916"
