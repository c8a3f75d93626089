"""The packages of the wheel, and the lock files."""

import re
import subprocess
import tomllib
import zipfile
from importlib.metadata import distributions, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.support.sources import PACKAGES, ROOT, tracked


def test_no_other_distribution_provides_our_packages() -> None:
    providers = packages_distributions()

    foreign = {name: set(providers.get(name, [])) - {"cogo"} for name in PACKAGES}

    assert not any(foreign.values()), foreign


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_with_hashes_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]

    assert pins
    assert all(line.endswith("\\") for line in pins), "a pin without a hash"
    assert "://" not in text


def test_both_locks_agree() -> None:
    runtime, develop = (
        _pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock")
    )

    assert runtime.items() <= develop.items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_all_that_its_packages_require(lock: str) -> None:
    """It is installed without resolving, so nothing else would notice a gap."""
    pins = _pins(ROOT / lock)
    extras = {"build", "dev"} if "dev" in lock else {"build"}
    waiting = [("cogo", extra) for extra in (*extras, "")]
    seen = set(waiting)
    gaps = []
    while waiting:
        name, extra = waiting.pop()
        for needed in map(Requirement, requires(name) or ()):
            if needed.marker is not None and not needed.marker.evaluate({"extra": extra}):
                continue
            wanted = canonicalize_name(needed.name)
            pin = pins.get(wanted)
            if pin is None or not needed.specifier.contains(pin, prereleases=True):
                gaps.append(f"{name} requires {needed}, the lock has {pin}")
            found = {(wanted, each) for each in (*needed.extras, "")} - seen
            seen |= found
            waiting += found

    assert not gaps


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_can_be_installed_with_the_oldest_python(lock: str) -> None:
    """Systems keep the micro version that they were released with, such as 3.11.2."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [bound] = SpecifierSet(project["requires-python"])
    installed: dict[str, str] = {
        canonicalize_name(each.name): each.metadata["Requires-Python"] for each in distributions()
    }

    wanted = {name: installed.get(name) or "" for name in _pins(ROOT / lock)}

    assert any(wanted.values())
    assert not {
        name: python
        for name, python in wanted.items()
        if not SpecifierSet(python).contains(f"{bound.version}.0")
    }


def test_nothing_tells_to_install_the_foreign_distribution_of_our_name() -> None:
    """`cogo` at PyPI is another program; what is named in its place is what our extras need."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {
        needed.partition(";")[0].strip()
        for each in extras["optional-dependencies"].values()
        for needed in each
    }
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in tracked("*.md", "agents/*.py", "cogo/*.py", "docs/*.md")
    }

    said = {
        name: path
        for path, text in texts.items()
        for name in re.findall(r"(?:pip install|name_install\()\s*['\"]([a-z][^'\"]*)['\"]", text)
    }

    assert {"redis>=8,<9", "pinecone>=10.2,<11"} <= said.keys()
    assert said.keys() <= known, said


def test_recipes_with_the_supabase_cli_say_what_reaches_a_hosted_project() -> None:
    recipes = {path: path.read_text(encoding="utf-8") for path in tracked("*.md", "*.toml")}

    named = {path for path, text in recipes.items() if "supabase db push" in text}

    assert named
    assert not {path for path in named if "--remote" not in recipes[path]}


def test_the_wheel_holds_what_git_tracks_and_nothing_else(tmp_path: Path) -> None:
    command = [str(ROOT / ".venv/bin/hatchling"), "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    expected = {str(path.relative_to(ROOT)) for package in PACKAGES for path in tracked(package)}
    for source, place in {
        "supabase/migrations": "embedded/_migrations",
        "supabase/schemas": "embedded/_schemas",
        "examples/tasks": "cogo/cli/local/_demo_tasks",
        "examples/tools": "cogo/cli/tools/_examples",
        "examples/workflows": "cogo/cli/workflows/_examples",
    }.items():
        expected |= {f"{place}/{path.relative_to(ROOT / source)}" for path in tracked(source)}
    expected.add("embedded/_migrations.sha256")
    assert shipped == expected


def _pins(path: Path) -> dict[str, str]:
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            name, _, rest = line.partition("==")
            pins[name] = rest.split()[0]
    return pins
