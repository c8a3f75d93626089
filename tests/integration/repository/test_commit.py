"""Results become commits of real repositories."""

import os
import shutil
from pathlib import Path

import pytest

from cogo.errors import CommandError
from cogo.repository import BranchCommit, Changes, commit_changes
from cogo.repository.commit import add_worktree, switch_to
from tests.integration.repository.conftest import Sandbox, build_changes

NEW = "def new():\n    return 2\n"
OLD = "def old():\n    return 1\n"


def apply(
    sandbox: Sandbox,
    changes: Changes,
    branch: str = "feature/x",
    *,
    overwrite: bool = False,
    checkout: bool = False,
) -> BranchCommit:
    return commit_changes(
        sandbox.repository,
        changes,
        branch=branch,
        message="Add it\n\nCogo-Task: 1\n",
        overwrite=overwrite,
        updates_worktree=checkout,
    )


def refuse(sandbox: Sandbox, changes: Changes, branch: str = "feature/x") -> str:
    before = sandbox.git("for-each-ref")
    with pytest.raises(CommandError) as refusal:
        apply(sandbox, changes, branch)
    assert sandbox.git("for-each-ref") == before
    return str(refusal.value)


def test_a_new_branch_begins_at_head_and_leaves_the_working_tree_alone(sandbox: Sandbox) -> None:
    sandbox.write("README.md", "changed, not committed\n")
    sandbox.write("untracked.txt", "mine\n")
    sandbox.write("staged.txt", "staged\n")
    sandbox.git("add", "staged.txt")
    before = sandbox.snapshot()

    done = apply(sandbox, build_changes({"src/new.py": NEW, "src/deep/er.py": "x = 1"}))

    assert done.is_new_branch
    assert sandbox.git("rev-parse", "feature/x^") == sandbox.git("rev-parse", "main")
    assert sandbox.git("diff", "--name-status", "main", "feature/x").split() == [
        *("A", "src/deep/er.py", "A", "src/new.py")
    ]
    assert sandbox.read("feature/x", "src/new.py") == NEW.encode()
    assert sandbox.read("feature/x", "src/deep/er.py") == b"x = 1\n"
    assert sandbox.snapshot() == before
    assert sandbox.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert sandbox.git("log", "-1", "--format=%an <%ae> %cn%n%B", done.branch) == (
        "Ada <ada@example.org> Ada\nAdd it\n\nCogo-Task: 1"
    )
    assert "cogo" in sandbox.git("reflog", "feature/x")


def test_an_existing_branch_gets_a_commit_on_top(sandbox: Sandbox) -> None:
    first = apply(sandbox, build_changes({"a.py": NEW}))
    second = apply(sandbox, build_changes({"b.py": NEW}))

    assert not second.is_new_branch
    assert sandbox.git("rev-parse", "feature/x^") == first.commit
    assert sandbox.git("ls-tree", "--name-only", "feature/x").split() == [
        *("README.md", "a.py", "b.py", "src")
    ]


def test_what_the_branch_has_already_makes_no_commit(sandbox: Sandbox) -> None:
    done = apply(sandbox, build_changes({"src/old.py": OLD}), "main", checkout=True)

    assert done.commit is None
    assert sandbox.git("rev-list", "--count", "main") == "1"


def test_a_branch_that_moves_meanwhile_is_not_lost(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program `git` moves the branch just before the first time that it is to be set."""
    sandbox.git("branch", "feature/x")
    other = sandbox.git(
        "commit-tree", "-p", "main", "-m", "other", sandbox.git("rev-parse", "main^{tree}")
    )
    real, wrapper = shutil.which("git"), tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *update-ref*) [ -e "{tmp_path}/moved" ] || '
        f'{{ : > "{tmp_path}/moved"; "{real}" update-ref refs/heads/feature/x {other}; }};; esac\n'
        f'exec "{real}" "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=os.pathsep)

    done = apply(sandbox, build_changes({"a.py": NEW}))

    assert (tmp_path / "moved").exists()
    assert sandbox.git("rev-parse", "feature/x") == done.commit
    assert sandbox.git("rev-parse", "feature/x^") == other


def test_a_locked_branch_is_an_error_and_not_a_loop(sandbox: Sandbox) -> None:
    sandbox.git("branch", "feature/x")
    sandbox.write(".git/refs/heads/feature/x.lock", "")

    assert "cannot lock ref" in refuse(sandbox, build_changes({"a.py": NEW}))


def test_a_branch_beside_one_that_is_in_its_way_is_refused(sandbox: Sandbox) -> None:
    sandbox.git("branch", "feature")

    assert "feature/x cannot be set" in refuse(sandbox, build_changes({"a.py": NEW}))


def test_a_branch_that_is_checked_out_is_refused_unless_asked_for(sandbox: Sandbox) -> None:
    refused = refuse(sandbox, build_changes({"a.py": NEW}), "main")

    assert "main is checked out" in refused
    assert "--checkout" in refused
    assert "--branch" in refused


def test_a_branch_that_is_checked_out_moves_with_its_working_tree(sandbox: Sandbox) -> None:
    sandbox.write("README.md", "changed, not committed\n")

    done = apply(sandbox, build_changes({"a.py": NEW}), "main", checkout=True)

    assert done.updated == sandbox.path
    assert (sandbox.path / "a.py").read_text() == NEW
    assert sandbox.git("status", "--porcelain") == " M README.md"
    assert sandbox.git("rev-parse", "main") == done.commit


@pytest.mark.parametrize("path", ["src/old.py", "untracked.py"])
def test_files_that_are_not_committed_are_never_replaced(sandbox: Sandbox, path: str) -> None:
    sandbox.write(path, "mine\n")
    before = sandbox.snapshot()
    changes = build_changes({path: NEW}, seen={"src/old.py": OLD} if path == "src/old.py" else {})

    with pytest.raises(CommandError, match=f"has changes of its own in these files: {path}"):
        apply(sandbox, changes, "main", checkout=True)

    assert sandbox.snapshot() == before
    assert sandbox.git("rev-list", "--count", "main") == "1"


def test_a_branch_checked_out_elsewhere_is_found_there(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.git("worktree", "add", "--quiet", "-b", "feature/x", str(tmp_path / "other"))

    assert str(tmp_path / "other") in refuse(sandbox, build_changes({"a.py": NEW}))

    done = apply(sandbox, build_changes({"a.py": NEW}), checkout=True)

    assert done.updated == tmp_path / "other"
    assert (tmp_path / "other" / "a.py").read_text() == NEW
    assert not (sandbox.path / "a.py").exists()


def test_the_branch_is_checked_out_where_that_is_asked_for(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    apply(sandbox, build_changes({"a.py": NEW}))

    add_worktree(sandbox.repository, "feature/x", tmp_path / "review")
    assert (tmp_path / "review" / "a.py").read_text() == NEW
    with pytest.raises(CommandError, match="no working tree could be made"):
        add_worktree(sandbox.repository, "feature/x", tmp_path / "again")
    sandbox.git("worktree", "remove", str(tmp_path / "review"))

    switch_to(sandbox.repository, "feature/x")
    assert (sandbox.path / "a.py").read_text() == NEW


def test_a_switch_that_would_lose_changes_is_refused_after_the_commit(sandbox: Sandbox) -> None:
    changes = build_changes({"src/old.py": NEW}, seen={"src/old.py": OLD})
    done = apply(sandbox, changes)
    sandbox.write("src/old.py", "mine\n")

    why = (
        r"on feature/x, but .* not committed: src/old\.py; commit or stash .*`git switch feature/x`"
    )
    with pytest.raises(CommandError, match=why):
        switch_to(sandbox.repository, "feature/x")

    assert sandbox.git("rev-parse", "feature/x") == done.commit
    assert (sandbox.path / "src/old.py").read_text() == "mine\n"


def test_a_detached_head_is_where_a_new_branch_begins(sandbox: Sandbox) -> None:
    first = sandbox.git("rev-parse", "HEAD")
    sandbox.commit({"later.txt": "x\n"})
    sandbox.git("checkout", "--quiet", first)

    apply(sandbox, build_changes({"a.py": NEW}))

    assert sandbox.git("rev-parse", "feature/x^") == first
    assert sandbox.git("rev-parse", "HEAD") == first


@pytest.mark.parametrize("branch", ["feature/x", "main"])
def test_an_unborn_head_gets_a_first_commit(tmp_path: Path, branch: str) -> None:
    fresh = Sandbox(tmp_path / "fresh")
    fresh.path.mkdir()
    fresh.git("init", "--quiet")

    done = apply(fresh, build_changes({"a.py": NEW}), branch, checkout=branch == "main")

    assert fresh.git("rev-list", "--parents", branch) == done.commit
    assert (fresh.path / "a.py").exists() == (branch == "main")


def test_a_bare_repository_gets_the_commit(sandbox: Sandbox, tmp_path: Path) -> None:
    bare = Sandbox(tmp_path / "bare.git")
    sandbox.git("clone", "--quiet", "--bare", str(sandbox.path), str(bare.path))

    done = apply(bare, build_changes({"a.py": NEW}))
    apply(bare, build_changes({"b.py": NEW}), "main")

    assert bare.git("rev-parse", "feature/x") == done.commit
    assert bare.read("main", "b.py") == NEW.encode()


def test_objects_may_have_longer_names(tmp_path: Path) -> None:
    modern = Sandbox(tmp_path / "sha256")
    modern.path.mkdir()
    modern.git("init", "--quiet", "--object-format=sha256")
    modern.commit({"README.md": "x\n"})

    done = apply(modern, build_changes({"a.py": NEW}))

    assert done.commit is not None
    assert len(done.commit) == 64
    assert modern.read("feature/x", "a.py") == NEW.encode()


def test_a_sparse_working_tree_loses_no_files(sandbox: Sandbox) -> None:
    sandbox.commit({"docs/a.md": "a\n", "lib/b.py": "b\n"})
    sandbox.git("sparse-checkout", "set", "--cone", "--sparse-index", "docs")

    apply(sandbox, build_changes({"lib/c.py": NEW}))

    changed = sandbox.git("diff", "--name-status", "main", "feature/x")
    assert changed.split() == ["A", "lib/c.py"]


def test_executable_files_stay_so(sandbox: Sandbox) -> None:
    sandbox.write("run.sh", "#!/bin/sh\necho 1\n", executable=True)
    sandbox.commit()

    apply(sandbox, build_changes({"run.sh": "echo 2\n"}, seen={"run.sh": "#!/bin/sh\necho 1\n"}))

    assert sandbox.git("ls-tree", "feature/x", "run.sh").split()[0] == "100755"


def test_line_ends_stay_as_the_file_has_them(sandbox: Sandbox) -> None:
    sandbox.git("config", "core.autocrlf", "false")
    sandbox.commit({"dos.py": b"a = 1\r\nb = 2\r\n"})

    apply(sandbox, build_changes({"dos.py": "a = 1\nb = 3\n"}, seen={"dos.py": "a = 1\nb = 2\n"}))

    assert sandbox.read("feature/x", "dos.py") == b"a = 1\r\nb = 3\r\n"


def test_attributes_of_the_branch_decide_line_ends(sandbox: Sandbox) -> None:
    sandbox.git("switch", "--quiet", "--create", "feature/x")
    sandbox.commit({".gitattributes": "*.bat text eol=crlf\n"})
    sandbox.git("switch", "--quiet", "main")

    apply(sandbox, build_changes({"run.bat": "echo 1\r\necho 2\r\n", "raw.py": "a\r\nb\r\n"}))

    assert sandbox.read("feature/x", "run.bat") == b"echo 1\necho 2\n"


def test_hooks_are_not_run(sandbox: Sandbox, tmp_path: Path) -> None:
    for hook in ("pre-commit", "post-commit", "commit-msg", "post-merge", "reference-transaction"):
        sandbox.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch {tmp_path}/ran\n", executable=True)

    apply(sandbox, build_changes({"a.py": NEW}))
    apply(sandbox, build_changes({"a.py": NEW}), "main", checkout=True)

    assert not (tmp_path / "ran").exists()


def test_commits_are_signed_where_git_is_told_so(sandbox: Sandbox, tmp_path: Path) -> None:
    signer = tmp_path / "signer"
    signer.write_text(
        "#!/bin/sh\ncat > /dev/null\n"
        "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'\n"
        "printf '\\n[GNUPG:] SIG_CREATED D\\n' >&2\n"
    )
    signer.chmod(0o755)
    sandbox.git("config", "commit.gpgSign", "true")
    sandbox.git("config", "gpg.program", str(signer))

    apply(sandbox, build_changes({"a.py": NEW}))

    assert "gpgsig -----BEGIN PGP SIGNATURE-----" in sandbox.git("cat-file", "-p", "feature/x")
    signer.write_text("#!/bin/sh\necho no secret key >&2\nexit 1\n")

    assert "could not be signed" in refuse(sandbox, build_changes({"b.py": NEW}))


def test_git_without_a_name_says_what_to_set(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "")

    assert "user.email" in refuse(sandbox, build_changes({"a.py": NEW}))


def test_variables_of_another_repository_do_not_count(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are set when git runs this program from a hook or an alias."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))

    done = apply(sandbox, build_changes({"a.py": NEW}))

    monkeypatch.undo()
    assert sandbox.git("rev-parse", "feature/x") == done.commit
