"""The project at hand: the settings and the state directory that a command works with."""

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cogo.config.network import prepare_network
from cogo.config.settings import CHECKOUT, Settings, config_directory, is_trusted_file
from cogo.config.trust import OVERLAY, STATE, Ignored, TrustStore, read_file
from cogo.errors import SettingInvalid
from cogo.terminal import command_path, print_line
from providers.catalogue.loader import Overlay


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


def overlay_files(settings: Settings, directory: Path) -> tuple[Path, ...]:
    """Return where they may be, the strongest last.

    COGO_CATALOGUE names the only one; else they are `cogo.toml` of the user's own directory and
    of the working directory.
    """
    if settings.catalogue is not None:
        return (settings.catalogue,)
    return (config_directory() / OVERLAY, directory.resolve() / OVERLAY)


def read_overlays(settings: Settings, directory: Path) -> tuple[list[Overlay], Ignored | None]:
    """Read those that count, and name the one that does not because its folder is not trusted.

    They say where keys go, what prompts cost and what a provider promises about data, so none of
    an untrusted file is taken. Raises SettingInvalid.
    """
    overlays: list[Overlay] = []
    ignored: Ignored | None = None
    for file in overlay_files(settings, directory):
        content = read_file(file)
        if content is None:
            if file == settings.catalogue:
                raise SettingInvalid("COGO_CATALOGUE", reason=f"there is no file {file}")
        elif file == settings.catalogue or is_trusted_file(file, content):
            overlays.append(Overlay(str(file), content))
        else:
            ignored = Ignored(file.parent, file.name)
    return overlays, ignored


def find_home(
    *,
    given: Path | None,
    configured: Path | None,
    start: Path,
    is_trusted: Callable[[Path], bool],
    fallback: Path | None = None,
) -> Path:
    """Choose the state directory: `--dir`, `$COGO_HOME`, the nearest `.cogo` upwards, `~/.cogo`.

    The directory need not exist yet. A `.cogo` on the way up counts only when it belongs to this
    user or to root, can be read and is trusted: its address, its keys and its database may be
    somebody else's.
    """
    if given is not None:
        return given.expanduser().resolve()
    if configured is not None:
        return configured.expanduser().resolve()
    usual = (fallback or Path.home()).resolve() / STATE
    for directory in (start.resolve(), *start.resolve().parents):
        candidate = directory / STATE
        if not candidate.is_dir() or candidate.stat().st_uid not in {os.geteuid(), 0}:
            continue
        with suppress(PermissionError):  # root's, who keeps it private
            if candidate == usual or is_trusted(candidate):
                return candidate
    return usual


def _say_ignored(ignored: list[Ignored]) -> None:
    if not ignored:
        return
    command = command_path()
    folders = dict.fromkeys(each.folder for each in ignored)
    what = " and ".join(map(str, ignored))
    cures = " or ".join(f"{command} trust {shlex.quote(str(folder))}" for folder in folders)
    print_line(f"cogo: ignored {what}: not trusted; if you know what is there: {cures}", err=True)
