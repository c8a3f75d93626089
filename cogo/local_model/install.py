"""Installs the packages of the local model into the user's cache directory.

Each package is installed to a folder of its own beside its final place and then renamed, so that an
interrupted installation leaves nothing half, and goes on with the package that is missing. One
process installs at a time; another one waits for it.
"""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cogo.config.settings import cache_directory
from cogo.errors import CommandError
from cogo.local_model.packages import (
    MODEL_NAME,
    PACKAGES,
    SERVER,
    WEIGHTS,
    Installed,
    Package,
)
from embedded.private_files import make_private_folder, open_private

_SPACE: Final = 2.5
"""Disk space that an installation needs, as a multiple of what is downloaded."""
_MEGABYTE: Final = 1_000_000
_FOLDER: Final = "local-model"


def find_installed() -> Installed | None:
    """Return the installed packages, or None if one is missing."""
    directory = cache_directory() / _FOLDER
    if all((directory / package.folder).is_dir() for package in PACKAGES):
        return Installed(directory)
    return None


def describe_download(packages: Sequence[Package] = PACKAGES) -> str:
    """Return what an installation would download, with sizes and licenses."""
    missing = _list_missing(cache_directory() / _FOLDER, packages)
    total = sum(each.megabytes for each in missing)
    parts = ", ".join(f"{each.name} ({each.megabytes} MB, {each.license})" for each in missing)
    if not missing:
        return "nothing: everything is installed"
    names = {WEIGHTS: MODEL_NAME, SERVER: "llama.cpp's server"}
    what = " and ".join(names[each] for each in (WEIGHTS, SERVER) if each in missing)
    return f"{what}: {total} MB from the package index: {parts}"


def install_packages(
    packages: Sequence[Package] = PACKAGES, *, on_wait: Callable[[], None] = lambda: None
) -> Installed:
    """Install what is missing; return the folder with everything.

    `on_wait` is called if another process installs now. Raises CommandError.
    """
    directory = cache_directory() / _FOLDER
    try:
        make_private_folder(directory)
        with _hold_lock(on_wait):
            missing = _list_missing(directory, packages)
            _require_space(directory, missing)
            for package in missing:
                _install_package(directory, package)
    except OSError as error:
        raise CommandError(f"{directory} cannot be written: {error.strerror}") from error
    return Installed(directory)


def find_library() -> Path:
    """Return the folder from which llama.cpp's server is imported, if it is installed."""
    return Installed(cache_directory() / _FOLDER).library


def install_server() -> Path:
    """Install llama.cpp's server if it is missing; return the folder to import it from."""
    return install_packages([SERVER]).library


def is_server_installed() -> bool:
    """Return whether llama.cpp's server is installed."""
    return not _list_missing(cache_directory() / _FOLDER, [SERVER])


def remove_packages(packages: Sequence[Package] = PACKAGES) -> Path | None:
    """Delete packages that were installed; return their folder, or None if there was nothing."""
    directory = cache_directory() / _FOLDER
    found = [folder for each in packages if (folder := directory / each.folder).is_dir()]
    try:
        for folder in found:
            shutil.rmtree(folder)
        with contextlib.suppress(OSError):  # something else is in it
            directory.rmdir()
    except OSError as error:
        raise CommandError(f"{directory} cannot be removed: {error.strerror}") from error
    return directory if found else None


def measure_packages(packages: Sequence[Package]) -> int:
    """Return the bytes of the files of packages that are installed."""
    directory = cache_directory() / _FOLDER
    files = (path for each in packages for path in (directory / each.folder).rglob("*"))
    return sum(path.lstat().st_size for path in files if path.is_file())


def count_missing_bytes(packages: Sequence[Package] = PACKAGES) -> int:
    """Return how much an installation would download."""
    missing = _list_missing(cache_directory() / _FOLDER, packages)
    return sum(each.megabytes for each in missing) * _MEGABYTE


@contextlib.contextmanager
def _hold_lock(on_wait: Callable[[], None]) -> Iterator[None]:
    with os.fdopen(open_private(cache_directory() / f"{_FOLDER}.lock")) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _list_missing(directory: Path, packages: Sequence[Package] = PACKAGES) -> list[Package]:
    return [package for package in packages if not (directory / package.folder).is_dir()]


def _require_space(directory: Path, missing: list[Package]) -> None:
    needed = round(sum(each.megabytes for each in missing) * _SPACE)
    free = shutil.disk_usage(directory).free // _MEGABYTE
    if free < needed:
        raise CommandError(f"{directory} has {free} MB of free space; {needed} MB are needed")


def _install_package(directory: Path, package: Package) -> None:
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=directory) as name:
        partial = Path(name)
        requirements = partial / "requirements.txt"
        requirements.write_text(package.requirement, encoding="utf-8")
        command = [*_find_installer(), "--target", str(partial / package.folder)]
        done = subprocess.run(  # noqa: S603 - pip or uv, with our own arguments
            [*command, "--requirement", requirements.name],
            cwd=partial,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise _explain(package, done.stderr)
        target = directory / package.folder
        if not target.exists():  # by another process, meanwhile
            (partial / package.folder).rename(target)


def _find_installer() -> list[str]:
    """Return the beginning of the command line that installs packages."""
    options = ["install", "--no-deps", "--require-hashes"]
    if importlib.util.find_spec("pip") is not None:
        bar = "on" if os.isatty(sys.stderr.fileno()) else "off"
        own = ["--only-binary", ":all:", "--no-input", "--retries", "2", "--progress-bar", bar]
        # Isolated, so that no module of the working directory is imported.
        command = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check"]
        return [*command, *options, *own, "--no-warn-script-location", "--no-compile"]
    if uv := shutil.which("uv"):
        return [uv, "pip", *options, "--only-binary", ":all:", "--python", sys.executable]
    raise CommandError("neither pip nor uv is installed for this Python, so the local model cannot "
                       "be installed: install one of them")  # fmt: skip


def _explain(package: Package, output: str) -> CommandError:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if any("do not match the hashes" in line.lower() for line in lines):
        reason = "the package index sent another file than the one that COGO was tested with"
        return CommandError(f"{package.name} was not installed: {reason}")
    if any("No matching distribution" in line for line in lines):
        cause = errors[0] if errors else lines[0]
        reason = "check the network; it exists for Linux and macOS on x86-64 and arm64"
        return CommandError(f"{package.name} cannot be downloaded ({reason}): {cause}")
    reason = (errors or lines or ["no reason was given"])[-1]
    return CommandError(
        f"{package.name} was not installed: {reason}; what is downloaded already is kept"
    )
