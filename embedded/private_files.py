"""Files and folders that only their owner may read; texts are replaced atomically."""

import errno
import json
import os
from pathlib import Path
from typing import Any


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents with mode 0700; one that exists stays as it is."""
    if not folder.parent.exists():
        make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> int:
    """Open a file for reading and writing, created with mode 0600; return its descriptor.

    Raises OSError, also for a link: whoever may write to the folder could point it anywhere.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        reason = "it is a link, which is not followed: delete it"
        raise OSError(errno.ELOOP, reason, str(path)) from error


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600; readers see the old text or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_json_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file; None if there is no file or it has no object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None
