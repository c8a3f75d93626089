"""Settings from the environment and `.env` files."""

from pathlib import Path

import pytest
from dotenv import dotenv_values

from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.settings import CHECKOUT, Settings
from cogo.errors import SettingInvalid
from providers.catalogue.catalogue import Catalogue

EXAMPLE_NAMES = dotenv_values(CHECKOUT / ".env.example").keys()
OF_THE_FIRST_PLANS = {
    "ANTHROPIC_API_KEY",
    "ASSEMBLYAI_API_KEY",
    "COHERE_API_KEY",
    "DEEPGRAM_API_KEY",
    "DEFAULT_MODEL",
    "ELEVENLABS_API_KEY",
    "FIREWORKS_API_KEY",
    "FIREWORKS_API_URL",
    "FIREWORKS_MODEL",
    "GROQ_API_KEY",
    "LANGCHAIN_API_KEY",
    "MISTRAL_API_KEY",
    "OPENROUTER_API_KEY",
    "PERPLEXITY_API_KEY",
    "PINECONE_API_KEY",
    "PORTKEY_API_KEY",
    "REPLICATE_API_TOKEN",
    "TOGETHER_API_KEY",
    "WANDB_API_KEY",
}


@pytest.fixture(autouse=True)
def _only_the_file_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EXAMPLE_NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / ".env"))


def load(directory: Path, text: str = "") -> Settings:
    (directory / ".env").write_text(text)
    return Settings.load(directory)


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://environment.example")

    settings = load(tmp_path, "SUPABASE_URL=https://file.example\nGROQ_API_KEY=from-the-file")

    assert settings.supabase_url == "https://environment.example"
    assert settings.value("SUPABASE_URL") == "https://environment.example"
    assert settings.value("GROQ_API_KEY") == "from-the-file"


def test_an_empty_variable_is_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")

    settings = load(tmp_path)

    assert settings.supabase_url is None
    assert settings.secret("ANTHROPIC_API_KEY") is None


@pytest.mark.parametrize("name", ["SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"])
def test_both_names_of_the_secret_key_are_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "sb_secret_for_a_test")

    key = load(tmp_path).supabase_secret_key

    assert key is not None
    assert key.get_secret_value() == "sb_secret_for_a_test"


def test_no_secret_shows_when_settings_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_for_a_test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key-of-a-vendor")
    monkeypatch.setenv("SUPABASE_DB_URL", "postgresql://postgres:pass-word@db.example/postgres")

    shown = repr(load(tmp_path)) + str(load(tmp_path)) + load(tmp_path).model_dump_json()

    assert "for_a_test" not in shown
    assert "a-key-of-a-vendor" not in shown
    assert "pass-word" not in shown


def test_an_invalid_value_names_the_variable_and_its_valid_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGO_LOG_LEVEL", "LOUD")

    with pytest.raises(SettingInvalid, match=r"COGO_LOG_LEVEL.*'WARNING'"):
        load(tmp_path)


def test_the_example_file_has_each_variable_once() -> None:
    lines = (CHECKOUT / ".env.example").read_text().splitlines()
    names = [each.partition("=")[0] for each in lines if each and not each.startswith("#")]

    assert sorted(names) == sorted(EXAMPLE_NAMES)


def test_the_example_file_has_every_variable_that_anything_reads() -> None:
    catalogue = Catalogue.load()
    of_the_catalogue = {
        name
        for each in catalogue.providers.values()
        for name in (*each.key_variables, *each.base_url_variables)
    }
    of_the_settings = {
        str(name)
        for field in Settings.model_fields.values()
        for name in getattr(field.validation_alias, "choices", [field.validation_alias])
    }

    wanted = of_the_catalogue | of_the_settings | OF_THE_FIRST_PLANS

    assert wanted <= set(EXAMPLE_NAMES), wanted - set(EXAMPLE_NAMES)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", ()),
        ("local-only", ("local-only",)),
        ("EU, no-training", ("eu", "no-training")),
        ("any", ()),
    ],
)
def test_the_data_policy_of_the_deployment_is_in_the_catalogue(
    text: str, rules: tuple[str, ...], tmp_path: Path
) -> None:
    settings = load(tmp_path, f"COGO_DATA_POLICY={text}\nDEFAULT_MODEL=gpt-4o-mini")

    catalogue = load_catalogue(Project(settings=settings, home=tmp_path, directory=tmp_path))

    assert catalogue.data_policy == rules
    assert catalogue.roles["default"] == "gpt-4o-mini"


def test_a_misspelt_data_policy_is_refused(tmp_path: Path) -> None:
    settings = load(tmp_path, "COGO_DATA_POLICY=local_only")

    with pytest.raises(SettingInvalid, match=r"COGO_DATA_POLICY.*local-only"):
        load_catalogue(Project(settings=settings, home=tmp_path, directory=tmp_path))
