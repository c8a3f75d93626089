"""The project at hand: the settings and the state directory that a command works with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cogo.home import find_home
from cogo.settings import Settings, keep_loopback_direct


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a command line, the environment and the working directory say together."""

    settings: Settings
    home: Path
    directory: Path
    """The working directory: `.env` and `cogo.toml` are looked for here."""

    @classmethod
    def find(cls, given_home: Path | None = None) -> Self:
        """Read the settings and choose the state directory. Raises SettingInvalid.

        From here on this process reaches its own machine without a proxy.
        """
        keep_loopback_direct()
        directory = Path.cwd()
        settings = Settings.load(directory)
        home = find_home(given=given_home, configured=settings.home, start=directory)
        return cls(settings=settings, home=home, directory=directory)
