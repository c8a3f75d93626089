"""The one rule for paths of generated files."""

import re
from pathlib import PurePosixPath


def check_file_path(value: str) -> str:
    """Return the path; raise ValueError if it is absolute, leaves the repository or is no file."""
    path = PurePosixPath(value)
    outside = path.is_absolute() or ".." in path.parts or value.startswith("~") or "\\" in value
    drive = re.match(r"^[A-Za-z]:", value)
    is_file = path.name.strip() and not value.endswith(("/", "/.")) and value.isprintable()
    if outside or drive or not is_file:
        raise ValueError(
            f"{value[:100]!r} must be a file's path inside the repository; example: src/report.py"
        )
    if any(_is_git_folder(part) for part in path.parts):
        raise ValueError("generated files must not be in the repository's .git folder")
    return value


def _is_git_folder(part: str) -> bool:
    """Return whether a file system may take this name for `.git` (git's core.protectNTFS)."""
    return part.casefold().rstrip(" .") in {".git", "git~1"}
