from datetime import date
from pathlib import Path

import pytest

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.loader import CHECKED_ON
from providers.errors import CatalogueInvalid, UnknownModel
from scripts.docs_pages.providers import render_pages

CATALOGUE = Catalogue.load()
CODING = "fireworks/qwen3-coder-480b-a35b-instruct"
LLAMA = "openrouter/llama-3.3-70b-instruct"
SMALL_LLAMA = "openrouter/llama-3.1-8b-instruct"
DOCS = Path(__file__).parents[4] / "docs/reference"


@pytest.mark.parametrize(
    ("name", "asked_id", "model_id"),
    [
        # The names of the first plans, as they were written there.
        ("claude-3.5-sonnet", "claude-3.5-sonnet", "claude-sonnet-5-5"),
        ("Claude 3.5 Sonnet", "claude-3.5-sonnet", "claude-sonnet-5-5"),
        ("anthropic/claude-3-opus", "claude-3-opus", "claude-opus-5-5"),
        ("Claude-3-opus", "claude-3-opus", "claude-opus-5-5"),
        ("Claude-3", "claude-3-opus", "claude-opus-5-5"),
        (CODING, CODING, "fireworks/qwen3p8-max"),
        ("qwen3-coder-480b-a35b-instruct", CODING, "fireworks/qwen3p8-max"),
        ("Qwen3 Coder 480B", CODING, "fireworks/qwen3p8-max"),
        (
            "accounts/fireworks/models/deepseek-v3p2",
            "fireworks/deepseek-v3p2",
            "fireworks/deepseek-v4p1-flash",
        ),
        ("deepseek-v3p2", "fireworks/deepseek-v3p2", "fireworks/deepseek-v4p1-flash"),
        ("DeepSeek V3.2", "fireworks/deepseek-v3p2", "fireworks/deepseek-v4p1-flash"),
        ("deepseek-v3-0324", "fireworks/deepseek-v3-0324", "fireworks/deepseek-v4p1-flash"),
        ("DeepSeek V3 Update 1", "fireworks/deepseek-v3-0324", "fireworks/deepseek-v4p1-flash"),
        ("gpt-4", "gpt-4", "gpt-6.1-sol"),
        ("openai/gpt-4", "gpt-4", "gpt-6.1-sol"),
        ("openai/gpt-4-turbo-preview", "gpt-4-turbo", "gpt-6.1-sol"),
        ("GPT-3.5", "gpt-3.5-turbo", "gpt-6-luna"),
        ("openai/gpt-3.5-turbo", "gpt-3.5-turbo", "gpt-6-luna"),
        ("google/gemini-pro", "gemini-pro", "gemini-3.8-flash"),
        ("Gemini", "gemini-3.8-flash", "gemini-3.8-flash"),
        ("meta-llama/llama-2-70b-chat", "llama-2-70b-chat", LLAMA),
        ("llama-3.1-8b", SMALL_LLAMA, SMALL_LLAMA),
        ("Llama 3.1 8B", SMALL_LLAMA, SMALL_LLAMA),
        ("groq/llama-3.1-8b-instant", "groq/llama-3.1-8b-instant", SMALL_LLAMA),
        ("Llama 3", LLAMA, LLAMA),
        ("groq/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile", LLAMA),
        ("deepseek-v4-pro", "deepseek/deepseek-v4-pro", "deepseek/deepseek-flash"),
        ("deepseek-reasoner", "deepseek/deepseek-reasoner", "deepseek/deepseek-flash"),
        ("grok-code-fast-1", "xai/grok-code-fast-1", "xai/grok-build-0.1"),
        ("debate_2", "gpt-6.2-sol", "gpt-6.2-sol"),
        ("debate_3", "fireworks/kimi-k3p1-pro", "fireworks/kimi-k3p1-pro"),
        ("Mixtral", "mixtral-8x7b", "mistral/mistral-small-2603"),
        ("Gemma", "gemma-4-31b-it", "gemma-4-31b-it"),
        ("mistral-7b", "mistral-7b", "mistral/ministral-8b-2512"),
        ("mistral-large", "mistral/mistral-large-4", "mistral/mistral-large-4"),
        ("mistral-medium", "mistral/mistral-medium-3-5", "mistral/mistral-medium-3-5"),
        ("pplx-70b-online", "perplexity/pplx-70b-online", "perplexity/sonar-pro"),
        ("pplx-7b-online", "perplexity/pplx-7b-online", "perplexity/sonar"),
        ("command-r", "cohere/command-r", "cohere/command-r"),
        ("command-r-plus", "cohere/command-r-plus", "cohere/command-r-plus"),
        (
            "Qwen 2.5 Coder",
            "openrouter/qwen-2.5-coder-32b-instruct",
            "openrouter/qwen-2.5-coder-32b-instruct",
        ),
        ("Phi-3", "openrouter/phi-3-medium", "openrouter/phi-3-medium"),
        ("claude", "claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("GPT-4", "gpt-4", "gpt-6.1-sol"),
        ("gpt-4-turbo-preview", "gpt-4-turbo", "gpt-6.1-sol"),
        (
            "accounts/fireworks/models/deepseek-v3-0324",
            "fireworks/deepseek-v3-0324",
            "fireworks/deepseek-v4p1-flash",
        ),
        ("Mistral 7B", "mistral-7b", "mistral/ministral-8b-2512"),
        ("Mistral", "mistral/mistral-large-4", "mistral/mistral-large-4"),
        ("Qwen", "fireworks/qwen3p8-max", "fireworks/qwen3p8-max"),
        ("Falcon", "falcon-40b-instruct", LLAMA),
        ("MPT", "mpt-30b-chat", LLAMA),
        ("DeepSeek Coder", "deepseek/deepseek-coder", "deepseek/deepseek-flash"),
        ("DeepSeek", "deepseek/deepseek-flash", "deepseek/deepseek-flash"),
        # Roles are names too.
        ("coding", CODING, "fireworks/qwen3p8-max"),
        ("default", "claude-sonnet-5-5", "claude-sonnet-5-5"),
        # Servers of one's own need no entries.
        ("ollama/qwen2.5-coder:7b", "ollama/qwen2.5-coder:7b", "ollama/qwen2.5-coder:7b"),
    ],
)
def test_every_name_that_a_person_may_know_resolves(
    name: str, asked_id: str, model_id: str
) -> None:
    resolution = CATALOGUE.resolve(name)

    assert (resolution.requested_id, resolution.model.id) == (asked_id, model_id)
    assert (resolution.note is None) == (asked_id == model_id)


def test_a_retired_model_names_date_reason_and_successor() -> None:
    note = CATALOGUE.resolve("deepseek-v3p2").note

    assert note is not None
    for part in ("DeepSeek V3.2", "2026-05-14", "serverless", "DeepSeek V4.1 Flash"):
        assert part in note


def test_a_model_is_retired_a_month_before_its_end_and_until_then_only_announced() -> None:
    long_before = Catalogue.load(today=date(2026, 12, 14))
    near = Catalogue.load(today=date(2026, 12, 15))

    model = long_before.resolve("gpt-4o").model
    assert (model.id, model.retirement) == ("gpt-4o", None)
    assert model.ending is not None
    assert (model.ending.successor, model.ending.on) == ("gpt-6.1-sol", date(2027, 1, 14))
    resolution = near.resolve("gpt-4o")
    assert resolution.model.id == "gpt-6.1-sol"
    assert "2027-01-14" in (resolution.note or "")


def test_models_that_ended_since_the_check_are_listed_with_successors() -> None:
    assert Catalogue.load().describe_endings(since=CHECKED_ON, until=CHECKED_ON) == ()
    day = date(2026, 12, 11)

    ended = Catalogue.load(today=day).describe_endings(since=CHECKED_ON, until=day)

    assert "GPT-5 ended on 2026-12-11; GPT-6 Sol replaces it" in ended
    assert "Claude Sonnet 4.5 ended on 2026-11-30; Claude Sonnet 5.5 replaces it" in ended


def test_a_retired_model_is_itself_where_it_is_still_served() -> None:
    resolution = CATALOGUE.resolve(CODING, still_served={CODING})

    assert resolution.model.id == CODING
    assert resolution.note is None


def test_an_unknown_model_suggests_the_nearest_names() -> None:
    with pytest.raises(UnknownModel) as raised:
        CATALOGUE.resolve("claude-sonet-5-5")

    assert "claude-sonnet-5-5" in raised.value.nearest
    assert "claude-sonnet-5-5" in str(raised.value)


@pytest.mark.parametrize("name", ["", " ", "ollama/", "/m", "nobody/m"])
def test_a_partial_name_is_no_name(name: str) -> None:
    with pytest.raises(UnknownModel):
        CATALOGUE.resolve(name)
    with pytest.raises(UnknownModel):
        CATALOGUE.get_model(name)


def test_all_roles_of_the_design_are_there() -> None:
    roles = {"default", "coding", "fast", "reasoning", "strategic"}
    assert set(CATALOGUE.roles) == roles | {"debate_1", "debate_2", "debate_3"}
    for role in CATALOGUE.roles:
        assert CATALOGUE.resolve(role).model.retirement is None


def test_a_role_may_be_given_to_another_model() -> None:
    changed = CATALOGUE.with_roles({"default": "gpt-4.1"})

    assert changed.resolve("default").model.id == "gpt-4.1"
    assert CATALOGUE.resolve("default").model.id == "claude-sonnet-5-5"
    with pytest.raises(UnknownModel):
        CATALOGUE.with_roles({"default": "nonesuch"})


def test_the_coding_model_and_its_successor_are_for_specialised_coding() -> None:
    for model_id in (CODING, CATALOGUE.resolve(CODING).model.id):
        assert {"specialized-coding", "performance"} <= set(CATALOGUE.models[model_id].capabilities)


def test_facts_of_an_unknown_lane_are_empty() -> None:
    facts = CATALOGUE.get_lane_facts("elsewhere/some-model")

    assert facts.provider == "elsewhere"
    assert facts.capabilities == ()
    assert facts.context_window is None


def test_a_file_may_add_and_change_single_fields(tmp_path: Path) -> None:
    path = tmp_path / "cogo.toml"
    path.write_text(
        f"""
        [roles]
        fast = "mine"
        [providers.anthropic]
        base_url = "https://proxy.example"
        [models."mine"]
        name = "Mine"
        maker = "Us"
        deployments = [{{ provider = "openai-compatible", model = "m" }}]
        [models."{CODING}"]
        retirement = false
        """
    )

    changed = Catalogue.load(path)

    assert changed.providers["anthropic"].base_url == "https://proxy.example"
    assert changed.providers["anthropic"].key_variables == ("ANTHROPIC_API_KEY",)
    assert changed.resolve("fast").model.id == "mine"
    assert changed.resolve(CODING).model.id == CODING


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[models]\nx = = 1\n", ["not valid TOML", "line 2"]),
        ("[modles]\n", ["modles", "providers, models, roles"]),
        ("models = 3\n", ["models must be a table"]),
        ("[models]\nx = 3\n", ["models.x must be a table"]),
        (
            '[models.gpt-4]\ncontext_window = "large"\n',
            ["models.gpt-4: context_window", "valid integer"],
        ),
        ("[models.gpt-4]\ncolour = 'red'\n", ["models.gpt-4: colour", "no such field"]),
        ("[models.new]\nname = 'New'\n", ["models.new: maker", "models.new: deployments"]),
        (
            "[models.gpt-4]\ndeployments = [{ provider = 'nobody', model = 'm' }]\n",
            ["models.gpt-4: deployments", "'nobody'"],
        ),
        ("[models.gpt-4]\naliases = ['gpt-4o']\n", ["models.gpt-4", "'gpt-4o'", "already names"]),
        (
            "[models.gpt-4]\nretirement = { successor = 'gpt-4', reason = 'x' }\n",
            ["models.gpt-4: retirement.successor", "circle"],
        ),
        (
            "[models.gpt-4]\nretirement = { successor = 'nonesuch', reason = 'x' }\n",
            ["models.gpt-4: retirement.successor", "not a model"],
        ),
        (
            "[models.gpt-4]\ndeployments = [{ provider = 'openai', model = 'm', weight = 0 }]\n",
            ["models.gpt-4: deployments", "greater than 0"],
        ),
        (
            "[models.gpt-4]\ndeployments = [{ provider = 'openai', model = 'm', weight = inf }]\n",
            ["models.gpt-4: deployments", "finite number"],
        ),
        ("[models.gpt-4]\ndeployments = []\n", ["models.gpt-4: deployments", "at least 1"]),
        (
            "[models.gpt-4.timeouts]\ntotal = 0\n",
            ["models.gpt-4: timeouts.total", "greater than 0"],
        ),
        ("[models.gpt-4.timeouts]\ntotal = inf\n", ["models.gpt-4: timeouts.total", "86400"]),
        ("[roles]\ndefault = 'nonesuch'\n", ["roles.default", "unknown model"]),
        ("[roles]\ndefault = 3\n", ["roles.default", "valid string"]),
        ("[providers.groq]\nadapter = 'carrier-pigeon'\n", ["providers.groq: adapter"]),
    ],
)
def test_a_mistake_is_named_with_file_entry_and_field(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    path = tmp_path / "cogo.toml"
    path.write_text(text)

    with pytest.raises(CatalogueInvalid) as raised:
        Catalogue.load(path)

    for part in (str(path), *parts):
        assert part in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid, match=r"cogo\.toml: cannot be read"):
        Catalogue.load(tmp_path / "cogo.toml")


def test_the_documented_pages_are_the_catalogue() -> None:
    pages = render_pages(CATALOGUE)

    assert {name: (DOCS / name).read_text("utf-8") for name in pages} == pages
    assert {f"providers/{path.name}" for path in (DOCS / "providers").iterdir()} < set(pages)


def test_every_provider_explains_how_to_open_it() -> None:
    ours = CATALOGUE.providers["local-model"]
    assert ours.how_to_open == "start a model server of COGO (`cogo models serve`)"
    for provider in CATALOGUE.providers.values():
        if provider is ours:  # which `cogo up` runs, at an address of its own
            continue
        assert provider.key_variables
        assert provider.key_page or provider.key_is_optional
        assert provider.base_url or provider.base_url_variables
        assert provider.ports or not provider.local


def test_a_tuned_model_takes_its_facts_from_its_base_but_not_its_price(tmp_path: Path) -> None:
    path = tmp_path / "cogo.toml"
    path.write_text(
        """
        [models."ours"]
        name = "Ours"
        base = "gpt-4.1-mini"
        deployments = [{ provider = "openai", model = "ft:gpt-4.1-mini:us::1" }]
        """
    )
    base = CATALOGUE.models["gpt-4.1-mini"]

    ours = Catalogue.load(path).get_model("ours")

    assert (ours.context_window, ours.tools) == (base.context_window, base.tools)
    assert ours.maker == "OpenAI"
    assert ours.aliases == ()
    assert ours.deployments[0].prices is None
    assert Catalogue.load(path).resolve("ft:gpt-4.1-mini:us::1").model.id == "ours"


def test_a_base_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "cogo.toml"
    path.write_text('[models.ours]\nname = "Ours"\nbase = "nonesuch"\n')

    with pytest.raises(CatalogueInvalid, match=r"cogo\.toml: models\.ours: base: 'nonesuch'"):
        Catalogue.load(path)


@pytest.mark.parametrize(
    ("name", "provider", "base"),
    [
        ("ft:gpt-4.1-mini:us::1", "openai", "gpt-4.1-mini"),
        ("openai/ft:gpt-4.1-mini-2025-04-14:us::1", "openai", "gpt-4.1-mini"),
        ("accounts/us/models/our-lora", "fireworks", None),
        ("fireworks/accounts/us/deployments/d1", "fireworks", None),
    ],
)
def test_a_tuned_model_needs_no_entry(name: str, provider: str, base: str | None) -> None:
    model = CATALOGUE.resolve(name).model

    assert model.deployments[0].provider == provider
    assert model.deployments[0].model == name.removeprefix(f"{provider}/")
    assert model.base == base
    assert CATALOGUE.get_model(model.id) == model


def test_at_least_fifty_models_have_facts() -> None:
    known = [
        model
        for model in CATALOGUE.models.values()
        if model.retirement is None and model.context_window and model.tools is not None
    ]

    assert len(known) >= 50
