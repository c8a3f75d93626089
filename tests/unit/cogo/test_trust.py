"""An untrusted folder runs nothing, sends no keys and sets no address."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cogo.cli.app import run
from cogo.config.catalogue import KeySource, load_catalogue, load_credentials
from cogo.config.connection import find_connection
from cogo.config.context import Project, read_overlays
from cogo.config.settings import CHECKOUT, Settings, config_directory
from cogo.config.trust import ADDRESSES, split_variables
from cogo.errors import NotRunning, SettingInvalid
from providers.catalogue.catalogue import Catalogue

HOSTILE_TOML = """
[providers.anthropic]
base_url = "https://thief.example"
[providers.thief]
name = "Thief"
adapter = "openai_compatible"
base_url = "https://thief.example"
key_variables = ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a downloaded folder, as a user who has a key."""
    for name in dotenv_values(CHECKOUT / ".env.example"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("COGO_ENV_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-users-own-key")
    folder = tmp_path / "cloned"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def open_providers() -> dict[str, tuple[str | None, list[str]]]:
    """Return the address and keys of each provider, as a command in this folder sees them."""
    project = Project.find()
    catalogue = load_catalogue(project)
    return {
        name: (
            each.base_url or catalogue.providers[name].base_url,
            [key.get_secret_value() for key in each.keys],
        )
        for name, each in load_credentials(project, catalogue).items()
    }


@pytest.mark.parametrize(
    "line",
    [
        "COGO_SECRETS_COMMAND=touch {mark}",
        "GROQ_API_KEY_COMMAND=touch {mark}",
        "COGO_SECRETS_DIR={folder}",
        "COGO_CATALOGUE={folder}/other.toml",
        "COGO_HOME={folder}/state",
        "OPENAI_API_KEY_FILE={folder}/key",
        "ANTHROPIC_BASE_URL=https://thief.example",
        "OPENAI_COMPATIBLE_BASE_URL=https://thief.example",
        "SUPABASE_URL=https://thief.example\nSUPABASE_SECRET_KEY=theirs",
        "SUPABASE_DB_URL=postgresql://thief.example/db",
        "SUPABASE_JWT_SECRET=known-to-them",
        "COGO_GATEWAY_CORS=https://thief.example",
        "COGO_RETENTION_DAYS=1",
        "COGO_COMMAND=rm -rf",
        "COGO_SETTING_OF_A_LATER_VERSION=anything",
    ],
)
def test_a_folder_that_is_not_trusted_runs_nothing_and_sends_nothing(
    folder: Path, tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "it-ran"
    (folder / "key").write_text("text-of-a-private-file")
    (folder / "other.toml").write_text(HOSTILE_TOML)
    (folder / "OPENAI_API_KEY").write_text("planted")
    (folder / ".env").write_text(line.format(folder=folder, mark=mark))

    found = open_providers()

    said = capsys.readouterr().err.splitlines()
    assert found == {"anthropic": ("https://api.anthropic.com", ["the-users-own-key"])}
    assert not mark.exists()
    project = Project.find()
    with pytest.raises(NotRunning):
        find_connection(project)
    assert (project.settings.jwt_secret, project.settings.supabase_db_url) == (None, None)
    assert project.home == tmp_path / "user" / ".cogo"
    name = line.partition("=")[0]
    assert [each for each in said if name in each and f"trust {folder}" in each] == said
    assert len(said) == 1


def test_each_setting_is_harmless_or_left_out() -> None:
    """Every setting is listed, so that a new one must be classified."""
    every = dict.fromkeys(dotenv_values(CHECKOUT / ".env.example"), "1")

    taken, refused = split_variables(
        {name: text for name, text in every.items() if name not in ADDRESSES}
    )

    assert set(every) == {*taken, *refused, *ADDRESSES}
    assert {name for name in taken if not name.endswith(("_API_KEY", "_TOKEN"))} == {
        *("COGO_CACHE", "COGO_CACHE_SECONDS", "COGO_LOG_FORMAT", "COGO_LOG_LEVEL"),
        *("COGO_FIRST_TOKEN_SECONDS", "COGO_STALL_SECONDS", "COGO_TOTAL_SECONDS"),
        *("COGO_EXPLORE_MISTAKES", "COGO_SELECTION_POLICY", "DEFAULT_MODEL", "FIREWORKS_MODEL"),
        "COGO_DATA_POLICY",
    }


def test_every_address_of_the_catalogue_is_known() -> None:
    of_the_catalogue = {
        name for each in Catalogue.load().providers.values() for name in each.base_url_variables
    }

    of_memory = {"PINECONE_INDEX", "WEAVIATE_GRPC_URL", "WEAVIATE_URL"}
    assert of_the_catalogue | of_memory == ADDRESSES


def test_a_key_alone_is_taken_but_never_instead_of_the_users_own(folder: Path) -> None:
    (folder / ".env").write_text("ANTHROPIC_API_KEY=theirs\nGROQ_API_KEY=one\nGROQ_API_KEY_2=two")

    found = open_providers()

    assert found["anthropic"][1] == ["the-users-own-key"]
    assert found["groq"] == ("https://api.groq.com/openai/v1", ["one", "two"])


def test_a_key_beside_an_address_is_not_sent_to_another_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("OPENAI_BASE_URL=https://inside.example\nOPENAI_API_KEY=inside")

    assert "openai" not in open_providers()
    assert "OPENAI_API_KEY" in capsys.readouterr().err


def test_a_file_that_is_not_trusted_cannot_quote_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIVATE", "of-the-user")
    (folder / ".env").write_text("GROQ_API_KEY=x${PRIVATE}")

    assert open_providers()["groq"][1] == ["x${PRIVATE}"]


def test_a_catalogue_of_a_folder_counts_only_when_it_is_trusted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cogo.toml").write_text(HOSTILE_TOML)

    assert open_providers() == {"anthropic": ("https://api.anthropic.com", ["the-users-own-key"])}
    assert capsys.readouterr().err.count(str(folder / "cogo.toml")) == 1

    assert run(["trust"]) == 0
    capsys.readouterr()

    assert open_providers()["anthropic"][0] == "https://thief.example"
    assert capsys.readouterr().err == ""


def test_a_trusted_file_is_refused_once_it_has_changed(folder: Path) -> None:
    file = folder / ".env"
    file.write_text("OPENAI_BASE_URL=https://inside.example\nOPENAI_API_KEY=inside")
    assert run(["trust", str(folder)]) == 0
    project = Project.find()
    source = KeySource(project, load_catalogue(project))
    assert source.read()["openai"].base_url == "https://inside.example"

    file.write_text("OPENAI_BASE_URL=https://thief.example\nOPENAI_API_KEY=inside")

    with pytest.raises(SettingInvalid, match=f"cogo trust {folder}"):
        Settings.load(folder)
    with pytest.raises(SettingInvalid):
        source.reread(urgent=True)
    assert source.read()["openai"].base_url == "https://inside.example"


def test_a_file_that_is_no_toml_is_not_trusted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cogo.toml").write_text("[workflows]\nmodules = [flows]\n")

    assert run(["trust"]) == 78

    assert "line 2, column 12" in " ".join(capsys.readouterr().err.split())
    assert run(["trust", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folders"] == {}


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('[workflow]\nmodules = ["flows"]\n', "'workflow'; did you mean 'workflows'?"),
        ('[workflows]\nmodule = ["flows"]\n', "'module' in [workflows] has one setting"),
        (
            "[models.glm-5p2]\ncontext_windw = 5\n",
            "context_windw: there is no such field; did you mean 'context_window'?",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, warning: str
) -> None:
    (folder / "cogo.toml").write_text(text)

    assert run(["trust"]) == 0

    said = capsys.readouterr()
    assert warning in " ".join(said.err.split())
    assert "is now trusted" in said.out


def test_trusted_folders_are_listed_kept_private_and_revocable(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("OPENAI_BASE_URL=https://inside.example")

    assert run(["trust"]) == 0
    said = capsys.readouterr().out
    assert said == f"{folder} is now trusted, with .env (OPENAI_BASE_URL)\n"
    assert Settings.load(folder).value("OPENAI_BASE_URL") == "https://inside.example"
    [store] = config_directory().iterdir()
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    capsys.readouterr()
    assert run(["trust", "--list", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["folders"]) == [str(folder)]

    assert run(["trust", "--remove", str(folder)]) == 0
    assert Settings.load(folder).value("OPENAI_BASE_URL") is None
    assert run(["trust", "--remove", str(folder)]) == 1


def test_a_store_that_others_may_write_is_ignored(folder: Path) -> None:
    (folder / ".env").write_text("OPENAI_BASE_URL=https://inside.example")
    assert run(["trust"]) == 0

    (config_directory() / "trusted.json").chmod(0o666)

    assert Settings.load(folder).value("OPENAI_BASE_URL") is None


def test_the_users_own_directory_is_trusted_and_weaker_than_a_trusted_folder(folder: Path) -> None:
    config_directory().mkdir(parents=True)
    (config_directory() / ".env").write_text(
        "OPENAI_BASE_URL=https://mine.example\nGROQ_API_KEY=mine\nSUPABASE_URL=https://mine.example"
    )
    (config_directory() / "cogo.toml").write_text(
        '[providers.groq]\nbase_url = "https://g.example"'
    )
    (folder / ".env").write_text("GROQ_API_KEY=theirs\nOPENAI_BASE_URL=https://inside.example")

    assert open_providers()["openai"][0] == "https://mine.example"
    assert open_providers()["groq"] == ("https://g.example", ["mine"])

    assert run(["trust"]) == 0
    assert open_providers()["openai"][0] == "https://inside.example"
    assert Project.find().settings.supabase_url == "https://mine.example"


def test_the_checkout_is_trusted_as_its_code_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogo.config.settings.CHECKOUT", folder)
    (folder / ".env").write_text("OPENAI_BASE_URL=https://inside.example")
    (folder / "cogo.toml").write_text(HOSTILE_TOML)

    settings = Settings.load(folder)

    assert settings.value("OPENAI_BASE_URL") == "https://inside.example"
    assert len(read_overlays(settings, folder)[0]) == 1


def test_a_state_directory_counts_where_the_user_chose_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = folder / ".cogo"
    planted.mkdir()
    assert Project.find().home == planted  # empty: made by hand, for a system of one's own

    (planted / "state.json").write_text('{"url": "https://thief.example"}')
    assert Project.find().home == tmp_path / "user" / ".cogo"
    assert f"trust {folder}" in capsys.readouterr().err

    Project.find(planted).remember_home()  # as `cogo up --dir` does
    assert Project.find().home == planted

    shutil.rmtree(folder / ".cogo")  # and another one comes in its place
    planted.mkdir()
    (planted / "state.json").write_text('{"url": "https://thief.example"}')
    (planted / "identity").write_text("guessed")
    assert Project.find().home == tmp_path / "user" / ".cogo"

    assert run(["trust", str(folder)]) == 0
    assert Project.find().home == planted
