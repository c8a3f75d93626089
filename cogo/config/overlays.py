"""Overlays: the files with which a user changes the catalogue of models."""

from pathlib import Path

from cogo.config.settings import Settings, config_directory, is_trusted_file
from cogo.config.trust import OVERLAY, Ignored, read_file
from cogo.errors import SettingInvalid
from providers.catalogue.loader import Overlay


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
