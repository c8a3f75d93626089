"""A pull request needs a remote, a push and `gh`; without one of them, the words say what to do."""

import json
import shutil
from pathlib import Path

import pytest

from cogo.errors import CommandError
from cogo.repository import open_pull_request
from tests.integration.repository.conftest import Sandbox

GH = """#!/bin/sh
cat > {place}/body
for each in "$@"; do printf '%s\\n' "$each"; done > {place}/arguments
echo https://github.com/acme/shop/pull/7
"""


@pytest.fixture
def bin_without_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the whole search path, with git and a shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "cat"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def remote(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """Return a remote of the repository."""
    made = Sandbox(tmp_path / "remote.git")
    made.path.mkdir()
    made.git("init", "--quiet", "--bare")
    sandbox.git("remote", "add", "origin", str(made.path))
    sandbox.git("branch", "feature/x")
    return made


def request(sandbox: Sandbox) -> str:
    return open_pull_request(
        sandbox.repository, branch="feature/x", title="Add it; $(rm)", body="**verified**\n"
    )


def test_the_branch_is_pushed_and_the_request_opened(
    sandbox: Sandbox, remote: Sandbox, bin_without_gh: Path, tmp_path: Path
) -> None:
    gh = bin_without_gh / "gh"
    gh.write_text(GH.format(place=tmp_path))
    gh.chmod(0o755)

    assert request(sandbox) == "https://github.com/acme/shop/pull/7"

    assert remote.git("rev-parse", "feature/x") == sandbox.git("rev-parse", "feature/x")
    assert (tmp_path / "body").read_text() == "**verified**\n"
    assert (tmp_path / "arguments").read_text().splitlines() == [
        *("pr", "create", "--head", "feature/x", "--title", "Add it; $(rm)", "--body-file", "-")
    ]


@pytest.mark.usefixtures("bin_without_gh")
def test_without_gh_nothing_is_pushed(sandbox: Sandbox, remote: Sandbox) -> None:
    with pytest.raises(CommandError, match=r"gh is not installed.*git push origin feature/x"):
        request(sandbox)

    assert json.loads(f"[{remote.git('for-each-ref')}]") == []


def test_a_refusal_of_gh_is_told(sandbox: Sandbox, remote: Sandbox, bin_without_gh: Path) -> None:
    gh = bin_without_gh / "gh"
    gh.write_text("#!/bin/sh\necho you are not logged in >&2\nexit 4\n")
    gh.chmod(0o755)

    with pytest.raises(CommandError, match=r"is pushed; gh opened no .*not logged in"):
        request(sandbox)

    assert remote.git("rev-parse", "feature/x")


def test_a_refused_push_is_told(sandbox: Sandbox, remote: Sandbox, bin_without_gh: Path) -> None:
    gh = bin_without_gh / "gh"
    gh.write_text("#!/bin/sh\nexit 1\n")
    gh.chmod(0o755)
    shutil.rmtree(remote.path)

    with pytest.raises(CommandError, match="could not be pushed"):
        request(sandbox)


def test_the_hook_before_a_push_may_refuse(
    sandbox: Sandbox, remote: Sandbox, bin_without_gh: Path
) -> None:
    gh = bin_without_gh / "gh"
    gh.write_text("#!/bin/sh\nexit 1\n")
    gh.chmod(0o755)
    sandbox.write(
        ".git/hooks/pre-push", "#!/bin/sh\necho no secrets >&2\nexit 1\n", executable=True
    )

    with pytest.raises(CommandError, match="no secrets"):
        request(sandbox)

    assert remote.git("for-each-ref") == ""


def test_a_repository_without_a_remote_says_so(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="no remote"):
        request(sandbox)
