"""Virtual environments and packages of peers, whose pins conflict with ours and each other's."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Sequence
from pathlib import Path


def python_of(peer: str, requirements: Sequence[str], *, beside: Path | None = None) -> Path:
    """Return the Python of an environment with exactly these packages, created once and cached.

    With `beside`, the packages of that environment can be imported too; `requirements` take
    precedence, and their dependencies are not installed. Environments are in the user's cache
    directory. Raise `subprocess.CalledProcessError` if a package cannot be installed; the
    installer has printed the reason to stderr.
    """
    wanted = "\n".join([sys.version, *requirements, str(beside or "")])
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    home = _cache() / f"{peer}-{digest}"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        print(f"making an environment for {peer} ({', '.join(requirements)})", file=sys.stderr)
        _make(home, python, requirements, is_complete=beside is not None)
        if beside is not None:
            # After the installer has run: it would take those packages for its own.
            _packages(home).joinpath("beside.pth").write_text(f"{_packages(beside)}\n", "utf-8")
        (home / "complete").touch()
    return python


def npm_package(wanted: str) -> Path:
    """Return the folder of a package of npm (`name@version`), fetched once and alone.

    Raise `FileNotFoundError` without npm, and `subprocess.CalledProcessError` if the package cannot
    be fetched; npm has printed the reason to stderr.
    """
    home = _cache() / wanted.replace("/", "-").lstrip("@")
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        print(f"fetching {wanted}", file=sys.stderr)
        pack = ["npm", "pack", "--silent", wanted]
        subprocess.run(pack, check=True, cwd=home, stdout=sys.stderr)
        [archive] = home.glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(home, filter="data")
        (home / "complete").touch()
    return home / "package"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cogo-bench"


def _packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))


def _make(home: Path, python: Path, requirements: Sequence[str], *, is_complete: bool) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, home], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Outside the checkout, whose settings are not the peer's.
    options = ["--no-deps"] if is_complete else []
    subprocess.run([*install, *options, *requirements], check=True, cwd=home, stdout=sys.stderr)
