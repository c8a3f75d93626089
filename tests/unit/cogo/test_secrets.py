"""Sources of keys, and reading them again."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from cogo.config.secrets import COMMAND_OUTPUT_IS_FRESH, SecretSources
from cogo.config.settings import Settings
from cogo.errors import SettingInvalid

NAME = "VAULT_TEST_API_KEY"


@pytest.fixture(autouse=True)
def _trusted_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / ".env"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def vault(
    tmp_path: Path, variables: Mapping[str, str | Path], clock: Clock | None = None
) -> SecretSources:
    (tmp_path / ".env").write_text("".join(f"{key}={text}\n" for key, text in variables.items()))
    return SecretSources(partial(Settings.load, tmp_path), clock=clock or Clock())


def keys(found: SecretSources) -> list[str]:
    return [key.get_secret_value() for key in found.keys(NAME)]


def test_numbered_names_are_further_keys_up_to_the_first_gap(tmp_path: Path) -> None:
    found = vault(tmp_path, {NAME: "one", f"{NAME}_2": "two", f"{NAME}_4": "four"})

    assert keys(found) == ["one", "two"]


def test_a_file_holds_a_key_a_line_and_a_changed_one_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("one\n\ntwo\n")
    found = vault(tmp_path, {f"{NAME}_FILE": file})

    assert keys(found) == ["one", "two"]
    file.write_text("three\n")
    assert keys(found) == ["three"]


def test_a_directory_has_a_file_for_each_name(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / NAME).write_text("one\n")
    (secrets / f"{NAME}_2").write_text("two\n")

    assert keys(vault(tmp_path, {"COGO_SECRETS_DIR": secrets})) == ["one", "two"]


def test_the_output_of_a_command_is_kept_for_a_while_unless_the_need_is_urgent(
    tmp_path: Path,
) -> None:
    source, clock = tmp_path / "source", Clock()
    source.write_text("one")
    found = vault(tmp_path, {f"{NAME}_COMMAND": f"cat {source}"}, clock)

    assert keys(found) == ["one"]
    source.write_text("two")
    found.reread()
    assert keys(found) == ["one"]
    found.reread(urgent=True)
    assert keys(found) == ["two"]
    source.write_text("three")
    clock.now += COMMAND_OUTPUT_IS_FRESH.total_seconds()
    assert keys(found) == ["three"]


def test_one_command_may_give_all_keys(tmp_path: Path) -> None:
    source = tmp_path / "all"
    source.write_text(f'OTHER=x\n{NAME}="one"\n{NAME}_2=two\n')

    assert keys(vault(tmp_path, {"COGO_SECRETS_COMMAND": f"cat {source}"})) == ["one", "two"]


def test_a_changed_env_file_is_seen(tmp_path: Path) -> None:
    found = vault(tmp_path, {NAME: "one"})

    (tmp_path / ".env").write_text(f"{NAME}=two\n")
    found.reread()

    assert keys(found) == ["two"]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        (f"{NAME}_FILE", "/nowhere/key", "No such file"),
        (f"{NAME}_COMMAND", "no-such-program-here", "cannot be run"),
        (f"{NAME}_COMMAND", "cat /nowhere/key", "code 1"),
        ("COGO_SECRETS_COMMAND", "false", "code 1"),
    ],
)
def test_an_invalid_setting_names_its_variable(
    tmp_path: Path, variable: str, value: str, says: str
) -> None:
    with pytest.raises(SettingInvalid, match=variable) as raised:
        keys(vault(tmp_path, {variable: value}))

    assert says in str(raised.value)
