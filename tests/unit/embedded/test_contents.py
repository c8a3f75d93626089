"""Contents of Storage are whole files, and only those of objects are kept."""

from pathlib import Path
from uuid import uuid4

from embedded.storage.contents import ContentFolder, delete_contents


async def test_contents_are_private_files_that_are_deleted_with_their_objects(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "storage"
    contents, kept, left = ContentFolder(tmp_path), str(uuid4()), str(uuid4())
    await contents.write(kept, b"kept")
    await contents.write(left, b"left")
    (folder / f"{uuid4()}.new").write_bytes(b"of a server that was killed")

    ContentFolder(tmp_path).delete_others([kept, None, "../../state.json"])

    assert [each.name for each in folder.iterdir()] == [kept]
    assert contents.get_path(kept).read_bytes() == b"kept"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert contents.get_path(kept).stat().st_mode & 0o777 == 0o600
    contents.delete([kept, kept, None])
    assert list(folder.iterdir()) == []
    delete_contents(tmp_path)
    delete_contents(tmp_path)
    assert not folder.exists()


def test_no_version_leads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "state.json").touch()
    contents = ContentFolder(tmp_path)

    for version in ("../state.json", str(tmp_path / "state.json"), "", ".", "a\0b", None):
        assert not contents.get_path(version).exists()
