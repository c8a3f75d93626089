"""Data in the system directory are removed after their state directory, never before."""

import json
import os
from pathlib import Path

import pytest

from embedded.postgres.role_passwords import load_passwords
from embedded.postgres.system_data import (
    OWNER_FILE,
    PROGRAMS,
    find_data_folder,
    find_system_data,
    folder_name,
    measure_size,
    remove_orphans,
    write_owner,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "var"


def made(root: Path, directory: Path) -> Path:
    """Create a state directory with data in the system directory; return their folder."""
    directory.mkdir(parents=True)
    folder = root / folder_name(directory, load_passwords(directory).token)
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "data").write_bytes(b"x" * 10_000)
    write_owner(folder, directory)
    return folder


def deleted(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


def test_data_of_a_deleted_or_recreated_state_directory_are_removed(
    tmp_path: Path, root: Path
) -> None:
    kept, gone, renewed = (tmp_path / name for name in ("kept", "project/gone", "renewed"))
    folders = {directory: made(root, directory) for directory in (kept, gone, renewed)}
    for directory in (gone, renewed):
        deleted(directory)
    gone.parent.rmdir()
    anew = made(root, renewed)

    orphans = {each.folder for each in find_system_data(root) if each.is_orphan}
    removed = {each.folder for each in remove_orphans(root)}

    assert orphans == removed == {folders[gone], folders[renewed]}
    assert set(root.iterdir()) == {folders[kept], anew}
    assert find_data_folder(kept, root) == folders[kept]
    assert all(measure_size(each.folder) >= 10_000 for each in find_system_data(root))


def test_data_stay_while_their_file_system_is_not_mounted(tmp_path: Path, root: Path) -> None:
    folder = made(root, tmp_path / "mount" / "project")
    owner = json.loads((folder / OWNER_FILE).read_text())
    (folder / OWNER_FILE).write_text(json.dumps(owner | {"device": owner["device"] + 1}))
    deleted(tmp_path / "mount" / "project")

    assert not remove_orphans(root)
    assert folder.is_dir()


def test_data_in_use_and_foreign_folders_stay(tmp_path: Path, root: Path) -> None:
    foreign = root / "somebody-elses"
    foreign.mkdir(parents=True)
    folder = made(root, tmp_path / "running")
    data = folder / "postgres"
    command = ["sh", "-c", "read line", "postgres", "-D", str(data)]
    reading, writing = os.pipe()
    pid = os.posix_spawn("/bin/sh", command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0)])
    try:
        (data / "postmaster.pid").write_text(f"{pid}\n{data}\n")
        deleted(tmp_path / "running")

        assert not remove_orphans(root)
    finally:
        os.close(writing)
        os.close(reading)
        os.kill(pid, 15)
        os.waitpid(pid, 0)

    assert set(root.iterdir()) == {foreign, folder}
    assert remove_orphans(root)


def test_programs_unused_for_an_hour_are_removed(root: Path) -> None:
    for name in ("18.4", "17.9"):
        (root / f"{PROGRAMS}{name}").mkdir(parents=True)
    os.utime(root / f"{PROGRAMS}17.9", (0, 0))

    remove_orphans(root)

    assert [path.name for path in root.iterdir()] == [f"{PROGRAMS}18.4"]
