"""The models that are installed on this machine for llama.cpp.

Each has a folder in the user's cache directory with one file of weights and `model.json`, which
says where it is from. Both are replaced atomically. SmolLM2 comes as a package instead.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from cogo.config.local_model import ALIAS, PROVIDER
from cogo.config.settings import cache_directory
from cogo.errors import CommandError, UsageError
from cogo.local_model.gguf import GgufFacts, NotGguf, read_gguf
from cogo.local_model.install import find_installed, measure_packages, remove_packages
from cogo.local_model.packages import MODEL_ID, PACKAGES, WEIGHTS
from embedded.private_files import make_private_folder, read_json_object, write_private

_RECORD: Final = "model.json"
_WEIGHTS: Final = "weights.gguf"
_PACKAGE_NAMES: Final = {MODEL_ID, "smollm2", "local-model"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledModel:
    """A model with its file."""

    alias: str
    source: str
    """Where it came from: `hf:owner/repo/file.gguf`, a URL, or a package."""
    path: Path
    size: int
    sha256: str | None = None
    """The checksum that was verified; None for a package, which pip verified."""
    pulled_at: datetime | None = None
    changed_ns: int | None = None
    """Time of the file's last change when its checksum was verified."""

    @property
    def is_package(self) -> bool:
        """Whether it is installed as a package."""
        return self.sha256 is None

    @property
    def lane(self) -> str:
        """Its name for tasks."""
        return self.alias if self.alias == MODEL_ID else f"{PROVIDER}/{self.alias}"

    @property
    def version(self) -> str:
        """A text that changes with the file."""
        return self.sha256 or self.source

    def check_file(self) -> str:
        """Return the state of its checksum: `verified`, `changed` or `missing`."""
        try:
            found = self.path.stat()
        except OSError:
            return "missing"
        is_same = self.changed_ns in {None, found.st_mtime_ns} and found.st_size == self.size
        return "verified" if is_same else "changed"

    def read_facts(self) -> GgufFacts:
        """Return the facts of its file. Raises CommandError."""
        try:
            return read_gguf(self.path)
        except (OSError, NotGguf) as error:
            raise CommandError(
                f"{self.alias} cannot be read: {error}; remove it (`cogo models rm {self.alias}`) "
                "and pull it again"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    source: str
    size: int
    sha256: str
    pulled_at: datetime
    changed_ns: int


_ADAPTER: Final = TypeAdapter(_Record)


def get_models_directory() -> Path:
    """Return the folder of all models, within the user's cache directory."""
    return cache_directory() / "models"


def list_installed_models() -> list[InstalledModel]:
    """Return the installed models, by alias. A folder that is not complete is left out."""
    found = {each.alias: each for each in _iter_packages()}
    for folder in sorted(get_models_directory().glob("[!.]*")):
        if (model := _read_folder(folder)) is not None:
            found[model.alias] = model
    return sorted(found.values(), key=lambda each: each.alias.lower())


def find_installed_model(name: str) -> InstalledModel | None:
    """Return a model by its alias, whatever the case of its letters, or by its source."""
    wanted = name.lower().removeprefix(f"{PROVIDER}/")
    wanted = MODEL_ID if wanted in _PACKAGE_NAMES else wanted
    return next(
        (
            each
            for each in list_installed_models()
            if each.alias.lower() == wanted or each.source == name
        ),
        None,
    )


def require_installed_model(name: str) -> InstalledModel:
    """Return a model by its alias or source. Raises UsageError, with the names that there are."""
    found = find_installed_model(name)
    if found is None:
        names = ", ".join(each.alias for each in list_installed_models())
        hint = f"installed are {names}" if names else "none is; `cogo models pull smollm2` gets one"
        raise UsageError(f"no model {name!r} is installed for llama.cpp: {hint}")
    return found


def is_packaged(name: str) -> bool:
    """Return whether a name is that of the model that comes as a package."""
    return name.lower() in _PACKAGE_NAMES


def make_alias(file: str) -> str:
    """Return the alias for a file: its name without folder and `.gguf`."""
    stem = file.rpartition("/")[2]
    stem = stem[: -len(".gguf")] if stem.lower().endswith(".gguf") else stem
    alias = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-")[:100]
    return alias or "model"


def check_alias(alias: str) -> str:
    """Return the alias. Raises UsageError if it cannot name a model."""
    if not ALIAS.fullmatch(alias) or is_packaged(alias):
        raise UsageError(
            f"{alias!r} cannot name a model: letters, digits, '.', '_' and '-' are allowed, at "
            f"most 100, and {MODEL_ID} is taken"
        )
    return alias


def keep_file(
    partial: Path, *, alias: str, source: str, sha256: str, at: datetime
) -> InstalledModel:
    """Make a verified file the one of a model.

    It replaces an older one atomically, at the same path: a server that was unloaded loads it.
    """
    folder = get_models_directory() / alias
    _refuse_link(folder)
    make_private_folder(folder)
    path = folder / _WEIGHTS
    partial.replace(path)
    found = path.stat()
    record = _Record(
        source=source,
        size=found.st_size,
        sha256=sha256,
        pulled_at=at,
        changed_ns=found.st_mtime_ns,
    )
    write_private(folder / _RECORD, json.dumps(asdict(record), default=str) + "\n")
    kept = _read_folder(folder)
    assert kept is not None  # noqa: S101 - it was written above
    return kept


def remove_model(model: InstalledModel) -> int:
    """Delete a model; return the bytes that were freed. Raises CommandError."""
    if model.is_package:
        is_last = len(list_installed_models()) == 1
        packages = PACKAGES if is_last else [WEIGHTS]  # others need the server
        freed = measure_packages(packages)
        remove_packages(packages)
        return freed
    folder = get_models_directory() / model.alias
    _refuse_link(folder)
    try:
        (folder / _RECORD).unlink(missing_ok=True)  # from now on it does not count
        shutil.rmtree(folder)
    except OSError as error:
        raise CommandError(f"{folder} cannot be removed: {error.strerror or error}") from error
    return model.size


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        raise CommandError(
            f"{folder} is a link to {folder.readlink()}, which is not followed: delete the link, "
            "and the folder that it names if you need it no more"
        )


def _iter_packages() -> Iterator[InstalledModel]:
    installed = find_installed()
    if installed is None:
        return
    try:
        size = installed.weights.stat().st_size
    except OSError:
        return
    source = f"{WEIGHTS.name}=={WEIGHTS.version} from the package index"
    yield InstalledModel(alias=MODEL_ID, source=source, path=installed.weights, size=size)


def _read_folder(folder: Path) -> InstalledModel | None:
    try:
        record = _ADAPTER.validate_python(read_json_object(folder / _RECORD) or {})
    except (OSError, ValidationError):
        return None
    if not ALIAS.fullmatch(folder.name):
        return None
    return InstalledModel(
        alias=folder.name,
        source=record.source,
        path=folder / _WEIGHTS,
        size=record.size,
        sha256=record.sha256,
        pulled_at=record.pulled_at,
        changed_ns=record.changed_ns,
    )
