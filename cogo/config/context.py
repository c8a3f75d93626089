"""The project of a command: its settings, its state directory, its catalogue files."""

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
    """The settings and directories that a command uses."""

    settings: Settings
    home: Path
    directory: Path
    """The working directory, where `.env` and `cogo.toml` are read."""

    @classmethod
    def find(cls, given_home: Path | None = None) -> Self:
        """Load the settings and choose the state directory. Raises SettingInvalid.

        Prints to standard error what is ignored because its folder is not trusted. Also calls
        `prepare_network`.
        """
        prepare_network()
        directory = Path.cwd()
        settings = Settings.load(directory)
        ignored = [settings.ignored, read_overlays(settings, directory)[1]]
        store = TrustStore.load(config_directory())

        def is_trusted(state: Path) -> bool:
            # An empty one may have been created manually, for a new system.
            if state.parent == CHECKOUT or store.trusts_state(state) or not any(state.iterdir()):
                return True
            ignored.append(Ignored(state.parent, state.name))
            return False

        home = find_home(
            given=given_home, configured=settings.home, start=directory, is_trusted=is_trusted
        )
        _report_ignored([each for each in ignored if each is not None])
        return cls(settings=settings, home=home, directory=directory)

    def remember_home(self) -> None:
        """Trust the state directory from now on, because the user starts a system in it."""
        config = config_directory()
        try:
            store = TrustStore.load(config)
            if not store.trusts_state(self.home):
                store.with_state(self.home).save(config)
        except OSError:
            return  # `--dir` must then be given again


def find_overlay_files(settings: Settings, directory: Path) -> tuple[Path, ...]:
    """Return the paths of files that change the catalogue; later ones take precedence.

    COGO_CATALOGUE if set, else `cogo.toml` in the user's configuration directory and in the
    working directory. The files need not exist.
    """
    if settings.catalogue is not None:
        return (settings.catalogue,)
    return (config_directory() / OVERLAY, directory.resolve() / OVERLAY)


def read_overlays(settings: Settings, directory: Path) -> tuple[list[Overlay], Ignored | None]:
    """Return the files that change the catalogue, and the one ignored as not trusted.

    They decide where keys are sent, what prompts cost and what providers promise about data, so
    nothing of an untrusted file is used. Raises SettingInvalid.
    """
    overlays: list[Overlay] = []
    ignored: Ignored | None = None
    for file in find_overlay_files(settings, directory):
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
    """Return the state directory: `--dir`, `$COGO_HOME`, the nearest `.cogo` upwards or `~/.cogo`.

    It need not exist yet. A `.cogo` in this directory or above counts only if it belongs to this
    user or to root, is readable and is trusted: its address, keys and database may be another
    user's.
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
        with suppress(PermissionError):  # it belongs to root and is private
            if candidate == usual or is_trusted(candidate):
                return candidate
    return usual


def _report_ignored(ignored: list[Ignored]) -> None:
    if not ignored:
        return
    command = command_path()
    folders = dict.fromkeys(each.folder for each in ignored)
    what = " and ".join(map(str, ignored))
    cures = " or ".join(f"{command} trust {shlex.quote(str(folder))}" for folder in folders)
    print_line(f"cogo: ignored {what}: not trusted; to trust it: {cures}", err=True)
