"""Errors of the program around the agents: settings, the state directory, the child processes.

CogoError (protocol.errors)
└── CommandError
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
    """A command cannot do what was asked; the message says what to do."""

    code = "TQ910"
    exit_code: ClassVar[int] = 1


class SettingMissing(CommandError):
    """A variable is needed and unset. Set it in the environment or in `.env`."""

    code = "TQ911"
    exit_code = 78

    def __init__(self, name: str, *, example: str | None = None) -> None:
        hint = f", for example {name}={example}" if example else ""
        super().__init__(f"{name} is not set: set it in the environment or in .env{hint}")


class SettingInvalid(CommandError):
    """A variable has a value that cannot be used. Correct it."""

    code = "TQ912"
    exit_code = 78

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(f"{name} cannot be used: {reason}")
        self.name = name


class NotRunning(CommandError):
    """There is no Supabase to talk to. Start the embedded one or name a project."""

    code = "TQ913"


class AlreadyRunning(CommandError):
    """`cogo up` already runs on this state directory. Use it, or stop it first."""

    code = "TQ914"


class ChildFailed(CommandError):
    """A process that `cogo up` started ended before it was ready. Its log says why."""

    code = "TQ915"


class MigrationFailed(CommandError):
    """A migration could not be applied; nothing of that file was written."""

    code = "TQ916"
