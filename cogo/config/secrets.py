"""Where keys come from: the environment, files, a directory of secrets, or a command's output.

For each name in this order, the first that has it: the variable NAME; NAME_FILE, a path; a file
NAME in COGO_SECRETS_DIR; the output of NAME_COMMAND; a line NAME=value in the output of
COGO_SECRETS_COMMAND. NAME_2, NAME_3 and so on are further keys; a file, and the output of
NAME_COMMAND, may also hold several, one a line. Commands are run without a shell.
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


class Vault:
    """Reads keys, and reads them again: files each time, commands every five minutes.

    `load` gives the settings anew, so that a changed `.env` is seen. Blocks; not for two threads.
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
        """As last read."""
        return self._settings

    def reread(self, *, urgent: bool = False) -> None:
        """Forget what was read; an urgent need also asks the commands again."""
        self._settings = self._load()
        if urgent:
            self._outputs.clear()

    def keys(self, name: str) -> tuple[SecretStr, ...]:
        """Give the keys under NAME, NAME_2, ... in order; none when there are none.

        Raises SettingInvalid for a file that cannot be read and a command that fails.
        """
        found = list(self._under(name))
        for number in range(2, _MOST_KEYS):
            more = self._under(f"{name}_{number}")
            if not more:
                break
            found += more
        return tuple(SecretStr(key) for key in dict.fromkeys(found))

    def _under(self, name: str) -> Sequence[str]:
        settings = self._settings
        if (value := settings.value(name)) is not None:
            return [value]
        if (path := settings.value(f"{name}_FILE")) is not None:
            return _lines(_read(f"{name}_FILE", Path(path)))
        if settings.secrets_dir is not None and (file := settings.secrets_dir / name).is_file():
            return _lines(_read("COGO_SECRETS_DIR", file))
        if (command := settings.value(f"{name}_COMMAND")) is not None:
            return _lines(self._output(f"{name}_COMMAND", command))
        if (command := settings.value(_ALL)) is not None:
            value = dotenv_values(stream=io.StringIO(self._output(_ALL, command))).get(name)
            return [value] if value else []
        return []

    def _output(self, variable: str, command: str) -> str:
        known = self._outputs.get(variable)
        now = self._clock()
        if known is None or now - known[0] >= COMMAND_OUTPUT_IS_FRESH.total_seconds():
            known = self._outputs[variable] = (now, _run(variable, command))
        return known[1]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingInvalid(variable, reason=f"{path}: {reason}") from error


def _run(variable: str, command: str) -> str:
    """Run it; what it prints beside the keys is not shown, for it may hold them."""
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
        reason = f"it ended with code {error.returncode}; run it by hand to see why"
        raise SettingInvalid(variable, reason=reason) from None
    except subprocess.TimeoutExpired:
        reason = f"it took more than {COMMAND_TIMEOUT.seconds} s"
        raise SettingInvalid(variable, reason=reason) from None
    except (OSError, ValueError) as error:
        raise SettingInvalid(variable, reason=f"it cannot be run: {error}") from error
    return done.stdout
