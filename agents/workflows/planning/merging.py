"""The files of several steps as those of one program. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(slots=True)
class MergedFiles:
    """The files of all steps together, and who has made each."""

    files: dict[str, str] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    """The step that each file is from."""
    notes: list[str] = field(default_factory=list)
    """What became of names that two steps gave to different files."""


def merge_files(
    made: Sequence[tuple[str, Mapping[str, str]]],
    *,
    owners: Mapping[str, str],
    builds_on: Mapping[str, Collection[str]],
) -> MergedFiles:
    """Merge the files that steps have made, in their order.

    `owners` has the step for which the plan has a file. Of two files with one name, that of a step
    that builds on the other counts, else that of the owner, else the first; the other one is kept
    in a folder with the name of its step.
    """
    merged = MergedFiles()
    for step, files in made:
        for given, text in files.items():
            path = str(PurePosixPath(given))
            other = _find_rival(path, merged.files)
            if other is None:
                _put(merged, path, text, step)
            elif other == path and merged.files[other] == text:
                continue
            elif merged.authors[other] in builds_on.get(step, ()):
                merged.notes.append(f"{step} has changed {other} of {merged.authors[other]}.")
                _remove(merged, other)
                _put(merged, path, text, step)
            elif owners.get(path) == step:
                _set_aside(merged, other, merged.files[other], merged.authors[other])
                _remove(merged, other)
                _put(merged, path, text, step)
            else:
                _set_aside(merged, path, text, step)
    return merged


def _find_rival(path: str, files: Mapping[str, str]) -> str | None:
    """Return the file whose place another one would take, on systems that fold case too."""
    wanted = path.casefold()
    for each in files:
        there = each.casefold()
        is_inside = there.startswith(f"{wanted}/") or wanted.startswith(f"{there}/")
        if there == wanted or is_inside:
            return each
    return None


def _set_aside(merged: MergedFiles, path: str, text: str, step: str) -> None:
    """Keep a file whose name another one has under a free name."""
    name = f"{step}/{path}"
    number = 2
    while _find_rival(name, merged.files) is not None:
        name = f"{step}-{number}/{path}"
        number += 1
    merged.notes.append(f"Two steps have made a file {path}; that of {step} is now {name}.")
    _put(merged, name, text, step)


def _put(merged: MergedFiles, path: str, text: str, step: str) -> None:
    merged.files[path] = text
    merged.authors[path] = step


def _remove(merged: MergedFiles, path: str) -> None:
    del merged.files[path], merged.authors[path]
