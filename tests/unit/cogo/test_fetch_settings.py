"""`[fetch]` of `cogo.toml` and COGO_FETCH_ALLOW name the hosts that may be fetched."""

from pathlib import Path

import pytest

from agents.fetching import FetchLimits, FetchRefused
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.sections.check import check_overlay
from cogo.config.sections.fetch import find_allowed_hosts
from cogo.config.settings import Settings, config_directory
from cogo.config.trust import TrustStore
from cogo.errors import SettingInvalid
from cogo.wiring.fetching import build_fetcher
from providers.catalogue.loader import Overlay


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("COGO_CATALOGUE", "COGO_FETCH_ALLOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load_project(folder: Path) -> Project:
    return Project(settings=Settings.load(folder), home=folder, directory=folder)


def test_nothing_is_allowed_unless_a_trusted_file_says_so(folder: Path) -> None:
    (folder / "cogo.toml").write_text('[fetch]\nallow = ["example.com"]\n')
    with pytest.raises(FetchRefused, match="may be fetched"):
        find_allowed_hosts(load_project(folder)).check_url("https://example.com/")

    config = config_directory()
    TrustStore.load(config).with_folder(folder).save(config)

    find_allowed_hosts(load_project(folder)).check_url("https://example.com/")
    assert load_catalogue(load_project(folder)).models


def test_the_variable_adds_hosts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGO_FETCH_ALLOW", "example.com, *.example.org,")
    fetcher = build_fetcher(load_project(folder))

    fetcher.allow.check_url("https://example.com/")
    fetcher.allow.check_url("https://a.example.org/")

    monkeypatch.setenv("COGO_FETCH_ALLOW", "https://example.com/")
    with pytest.raises(SettingInvalid, match=r"COGO_FETCH_ALLOW cannot .* is no host"):
        find_allowed_hosts(load_project(folder))


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ('allow = "example.com"', "has one setting"),
        ('hosts = ["example.com"]', "has one setting"),
        ("allow = [1]", "has one setting"),
        ('allow = ["http://example.com"]', "is no host: write a name"),
    ],
)
def test_a_wrong_section_is_explained(section: str, problem: str) -> None:
    wrong = check_overlay(Overlay("cogo.toml", f"[fetch]\n{section}\n".encode()))

    assert len(wrong) == 1
    assert problem in wrong[0]


def test_a_proxy_of_the_environment_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inner.example")
    find_proxy = build_fetcher(load_project(folder))._find_proxy  # noqa: SLF001

    assert find_proxy("https", "example.com") == "http://proxy.example:3128"
    assert find_proxy("https", "inner.example") is None


async def test_under_local_only_nothing_is_fetched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGO_FETCH_ALLOW", "example.com")
    monkeypatch.setenv("COGO_DATA_POLICY", "local-only")

    fetcher = build_fetcher(load_project(folder))

    with pytest.raises(FetchRefused, match="may be fetched"):
        await fetcher.fetch("https://example.com/", limits=FetchLimits(content_bytes=10, seconds=1))
