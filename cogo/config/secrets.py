"""Sources of keys: the environment, files, a directory of secrets, the output of a command.

The first source that contains a name is used: the variable NAME; NAME_FILE, a path; a file NAME in
COGO_SECRETS_DIR; the output of NAME_COMMAND; a line NAME=value in the output of
COGO_SECRETS_COMMAND. NAME_2, NAME_3 and so on are further keys; a file and the output of
NAME_COMMAND may also contain several, one per line. Commands are run without a shell.
"""

import io
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr

from cogo.config.settings import Settings
from cogo.errors import SettingInvalid

COMMAND_OUTPUT_IS_FRESH: Final = timedelta(minutes=5)
COMMAND_TIMEOUT: Final = timedelta(seconds=20)
_MOST_KEYS: Final = 50
_ALL: Final = "COGO_SECRETS_COMMAND"


class SecretSources:
    """Reads keys: files each time, the output of commands every five minutes.

    `load` is called again by `reread`, so that changes of `.env` are noticed. Methods block. Not
    thread-safe.
    """

    def __init__(
        self, load: Callable[[], Settings], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._clock = clock
        self._settings = load()
        self._outputs: dict[str, tuple[float, str]] = {}

    @property
    def settings(self) -> Settings:
        """The settings as last read."""
        return self._settings

    def reread(self, *, urgent: bool = False) -> None:
        """Read the settings again; if `urgent`, also run commands whose output is still fresh."""
        self._settings = self._load()
        if urgent:
            self._outputs.clear()

    def keys(self, name: str) -> tuple[SecretStr, ...]:
        """Return the keys NAME, NAME_2, ... in order.

        Raises SettingInvalid for a file that cannot be read and a command that fails.
        """
        found = list(self._read_name(name))
        for number in range(2, _MOST_KEYS):
            more = self._read_name(f"{name}_{number}")
            if not more:
                break
            found += more
        return tuple(SecretStr(key) for key in dict.fromkeys(found))

    def _read_name(self, name: str) -> Sequence[str]:
        settings = self._settings
        if (value := settings.value(name)) is not None:
            return [value]
        if (path := settings.value(f"{name}_FILE")) is not None:
            return _split_lines(_read(f"{name}_FILE", Path(path)))
        if settings.secrets_dir is not None and (file := settings.secrets_dir / name).is_file():
            return _split_lines(_read("COGO_SECRETS_DIR", file))
        if (command := settings.value(f"{name}_COMMAND")) is not None:
            return _split_lines(self._get_output(f"{name}_COMMAND", command))
        if (command := settings.value(_ALL)) is not None:
            value = dotenv_values(stream=io.StringIO(self._get_output(_ALL, command))).get(name)
            return [value] if value else []
        return []

    def _get_output(self, variable: str, command: str) -> str:
        known = self._outputs.get(variable)
        now = self._clock()
        if known is None or now - known[0] >= COMMAND_OUTPUT_IS_FRESH.total_seconds():
            known = self._outputs[variable] = (now, _run(variable, command))
        return known[1]


def _split_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingInvalid(variable, reason=f"{path}: {reason}") from error


def _run(variable: str, command: str) -> str:
    """Return the output of a command; errors do not quote it, because it may contain keys."""
    try:
        done = subprocess.run(  # noqa: S603  the operator's own command, without a shell
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT.total_seconds(),
            check=True,
        )
    except subprocess.CalledProcessError as error:
        reason = f"it ended with code {error.returncode}; run it manually to see why"
        raise SettingInvalid(variable, reason=reason) from None
    except subprocess.TimeoutExpired:
        reason = f"it took more than {COMMAND_TIMEOUT.seconds} s"
        raise SettingInvalid(variable, reason=reason) from None
    except (OSError, ValueError) as error:
        raise SettingInvalid(variable, reason=f"it cannot be run: {error}") from error
    return done.stdout
