"""How the state directory is chosen."""

import os
from functools import partial
from pathlib import Path

import pytest

from cogo.cli.app import run
from cogo.config.context import find_home as choose

find_home = partial(choose, is_trusted=lambda state: state.parent.name != "cloned")


def test_the_option_wins_over_everything(tmp_path: Path) -> None:
    (tmp_path / ".cogo").mkdir()

    home = find_home(given=tmp_path / "a", configured=tmp_path / "b", start=tmp_path)

    assert home == tmp_path / "a"


def test_the_variable_wins_over_the_tree(tmp_path: Path) -> None:
    (tmp_path / ".cogo").mkdir()

    assert find_home(given=None, configured=tmp_path / "b", start=tmp_path) == tmp_path / "b"


def test_the_nearest_directory_upwards_is_found_from_deep_below(tmp_path: Path) -> None:
    (tmp_path / ".cogo").mkdir()
    deep = tmp_path / "project" / "src"
    deep.mkdir(parents=True)

    assert find_home(given=None, configured=None, start=deep) == tmp_path / ".cogo"


def test_without_any_it_is_in_the_home_directory(tmp_path: Path) -> None:
    found = find_home(given=None, configured=None, start=tmp_path, fallback=tmp_path / "user")

    assert found == tmp_path / "user" / ".cogo"


def test_a_state_directory_that_is_not_trusted_is_passed_over(tmp_path: Path) -> None:
    deep = tmp_path / "cloned" / "src"
    deep.mkdir(parents=True)
    (deep.parent / ".cogo").mkdir()
    (tmp_path / ".cogo").mkdir()

    assert find_home(given=None, configured=None, start=deep) == tmp_path / ".cogo"


def test_a_state_directory_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".cogo").mkdir()

    def read(state: Path) -> bool:
        raise PermissionError(state)

    found = choose(given=None, configured=None, start=tmp_path, is_trusted=read)

    assert found == Path.home() / ".cogo"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_not_followed(tmp_path: Path) -> None:
    planted = tmp_path / ".cogo"
    planted.mkdir()
    os.chown(planted, 12345, 12345)

    found = find_home(given=None, configured=None, start=tmp_path, fallback=tmp_path / "user")

    assert found == tmp_path / "user" / ".cogo"


@pytest.mark.parametrize("obstacle", ["a directory", "a link to itself"])
def test_a_file_of_the_state_that_cannot_be_read_is_named_in_a_sentence(
    obstacle: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "state.json"
    if obstacle == "a directory":
        file.mkdir()
    else:
        file.symlink_to(file)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    code = run(["supabase", "status", "--dir", str(tmp_path)])

    said = " ".join(capsys.readouterr().err.split())
    assert code == 1
    assert said.startswith(f"cogo: {file}: ")
    assert "Error" not in said
    assert "Errno" not in said
