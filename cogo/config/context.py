"""The project at hand: the settings and the state directory that a command works with."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cogo.cli.command_name import command_path
from cogo.cli.output import print_line
from cogo.config.network import prepare_network
from cogo.config.overlays import read_overlays
from cogo.config.settings import CHECKOUT, Settings, config_directory
from cogo.config.state_dir import find_home
from cogo.config.trust import Ignored, TrustStore


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

        What is left out because its folder is not trusted is said on standard error. From here
        on this process reaches its own machine without a proxy, and others as `prepare_network`
        says.
        """
        prepare_network()
        directory = Path.cwd()
        settings = Settings.load(directory)
        ignored = [settings.ignored, read_overlays(settings, directory)[1]]
        store = TrustStore.load(config_directory())

        def is_trusted(state: Path) -> bool:
            # An empty one may have been made by hand, as a place for a system of one's own.
            if state.parent == CHECKOUT or store.trusts_state(state) or not any(state.iterdir()):
                return True
            ignored.append(Ignored(state.parent, state.name))
            return False

        home = find_home(
            given=given_home, configured=settings.home, start=directory, is_trusted=is_trusted
        )
        _say_ignored([each for each in ignored if each is not None])
        return cls(settings=settings, home=home, directory=directory)

    def remember_home(self) -> None:
        """Trust the state directory from now on: whoever starts a system on it has chosen it."""
        config = config_directory()
        try:
            store = TrustStore.load(config)
            if not store.trusts_state(self.home):
                store.with_state(self.home).save(config)
        except OSError:
            return  # without it `--dir` must be given again, no more


def _say_ignored(ignored: list[Ignored]) -> None:
    if not ignored:
        return
    command = command_path()
    folders = dict.fromkeys(each.folder for each in ignored)
    what = " and ".join(map(str, ignored))
    cures = " or ".join(f"{command} trust {shlex.quote(str(folder))}" for folder in folders)
    print_line(f"cogo: ignored {what}: not trusted; if you know what is there: {cures}", err=True)
