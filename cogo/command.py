"""The command: how the person called this program, for lines that are to be copied."""

from cogo.settings import Settings


def command_path() -> str:
    """Give the path that works from where the person is; the launcher says it, else `cogo`."""
    return Settings.load().value("COGO_COMMAND") or "cogo"
