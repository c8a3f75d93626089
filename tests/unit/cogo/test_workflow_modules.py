"""`[workflows]` of `cogo.toml` names modules; that of an untrusted folder runs nothing."""

from pathlib import Path

import pytest

from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.sections.modules import NamedModules, find_workflow_modules
from cogo.config.settings import Settings, config_directory
from cogo.config.trust import TrustStore
from cogo.errors import SettingInvalid


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("COGO_CATALOGUE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(settings=Settings.load(folder), home=folder, directory=folder)


def trust(project: Project) -> None:
    config = config_directory()
    TrustStore.load(config).with_folder(project.directory).save(config)


def test_only_a_trusted_file_names_modules(project: Project) -> None:
    (project.directory / "cogo.toml").write_text('[workflows]\nmodules = ["acme.flows"]\n')

    assert find_workflow_modules(project) == NamedModules()
    trust(project)

    found = find_workflow_modules(project)
    assert (found.names, found.folders) == (("acme.flows",), (project.directory,))
    assert load_catalogue(project).models


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ('modules = "acme.flows"', "has one setting"),
        ('module = ["acme.flows"]', "has one setting"),
        ('modules = ["../flows.py"]', "is no name of a module"),
    ],
)
def test_a_wrong_section_is_explained(project: Project, section: str, problem: str) -> None:
    (project.directory / "cogo.toml").write_text(f"[workflows]\n{section}\n")
    trust(project)

    with pytest.raises(SettingInvalid, match=problem):
        find_workflow_modules(project)
