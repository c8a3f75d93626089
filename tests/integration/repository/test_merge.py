"""What a result changes: merges, conflicts, and paths that no commit can have."""

from pathlib import Path

import pytest

from cogo.errors import CommandError
from cogo.repository import MergePlan, Repository, plan_changes, preview_changes, read_changes
from protocol.records import Task
from tests.integration.repository.conftest import Sandbox, build_changes

BASE = "".join(f"line {number}\n" for number in range(20))


def plan(sandbox: Sandbox, files: dict[str, str], **seen: str) -> MergePlan:
    shown = {path.replace("__", "/") + ".py": text for path, text in seen.items()}
    return plan_changes(sandbox.repository, build_changes(files, seen=shown), branch="main")


def test_changes_in_other_places_are_merged(sandbox: Sandbox) -> None:
    sandbox.commit({"a.py": BASE.replace("line 1\n", "line 1 by a colleague\n")})

    planned = plan(sandbox, {"a.py": BASE.replace("line 18\n", "line 18 by a model\n")}, a=BASE)

    assert planned.conflicts == ()
    assert planned.merged == ("a.py",)
    merged = planned.files["a.py"].decode()
    assert "line 1 by a colleague\n" in merged
    assert "line 18 by a model\n" in merged


def test_changes_in_the_same_place_conflict(sandbox: Sandbox) -> None:
    sandbox.commit({"a.py": BASE.replace("line 5\n", "line 5 by a colleague\n")})

    planned = plan(sandbox, {"a.py": BASE.replace("line 5\n", "line 5 by a model\n")}, a=BASE)

    assert [(each.path, "same places" in each.reason) for each in planned.conflicts] == [
        ("a.py", True)
    ]


def test_a_merge_keeps_the_line_ends_of_the_branch(sandbox: Sandbox) -> None:
    sandbox.git("config", "core.autocrlf", "false")
    changed = BASE.replace("line 1\n", "line 1 by a colleague\n").replace("\n", "\r\n")
    sandbox.commit({"a.py": changed})

    planned = plan(sandbox, {"a.py": BASE.replace("line 18\n", "x\n")}, a=BASE)

    assert planned.files["a.py"] == changed.replace("line 18\r\n", "x\r\n").encode()


@pytest.mark.parametrize(
    ("files", "seen", "reason"),
    [
        ({"src/old.py": "x\n"}, {}, "was not shown it"),
        ({"gone.py": "x\n"}, {"gone": "was here\n"}, "not on the branch"),
    ],
)
def test_files_of_which_the_task_knew_something_else_conflict(
    sandbox: Sandbox, files: dict[str, str], seen: dict[str, str], reason: str
) -> None:
    [conflict] = plan(sandbox, files, **seen).conflicts

    assert reason in conflict.reason


def test_overwriting_is_no_conflict(sandbox: Sandbox) -> None:
    changes = build_changes({"src/old.py": "x\n"})

    planned = plan_changes(sandbox.repository, changes, branch="main", overwrite=True)

    assert planned.conflicts == ()
    assert planned.files == {"src/old.py": b"x\n"}


def test_the_same_text_is_neither_change_nor_conflict(sandbox: Sandbox) -> None:
    planned = plan(sandbox, {"src/old.py": "def old():\n    return 1"})

    assert planned.conflicts == ()
    assert preview_changes(sandbox.repository, planned).files == ()


def test_binary_files_are_not_merged(sandbox: Sandbox) -> None:
    sandbox.commit({"a.py": b"\0\1\2"})

    [conflict] = plan(sandbox, {"a.py": "x\n"}, a="y\n").conflicts

    assert "same places" in conflict.reason


def test_a_symbolic_link_is_not_followed_out_of_the_repository(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (sandbox.path / "link").symlink_to(tmp_path / "outside")
    (sandbox.path / "file").symlink_to(tmp_path / "outside" / "file")
    sandbox.commit()

    with pytest.raises(CommandError, match="link is a symbolic link on the branch"):
        plan(sandbox, {"link/a.py": "x\n"})
    with pytest.raises(CommandError, match="file is a symbolic link on the branch"):
        plan(sandbox, {"file": "x\n"})

    assert list((tmp_path / "outside").iterdir()) == []


def test_a_submodule_is_another_repository(sandbox: Sandbox) -> None:
    commit = sandbox.git("rev-parse", "HEAD")
    sandbox.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    sandbox.git("commit", "--quiet", "--message", "submodule")

    with pytest.raises(CommandError, match=r"vendor/lib is a submodule .*--repo in it"):
        plan(sandbox, {"vendor/lib/a.py": "x\n"})
    with pytest.raises(CommandError, match="vendor/lib is a submodule"):
        plan(sandbox, {"vendor/lib": "x\n"})


def test_a_file_where_a_directory_is_needed_stays(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match=r"README\.md is a file on the branch"):
        plan(sandbox, {"README.md/a.py": "x\n"})
    with pytest.raises(CommandError, match="src is a directory on the branch"):
        plan(sandbox, {"src": "x\n"})


@pytest.mark.parametrize(
    "path", ["-rf.py", "--", ":(top)x.py", "*.py", "a b/ü ñ.py", 'quo"te.py', "$(touch x).py"]
)
def test_unusual_names_are_only_names(sandbox: Sandbox, path: str) -> None:
    planned = plan(sandbox, {path: "x\n"})

    assert [each.path for each in preview_changes(sandbox.repository, planned).files] == [path]


@pytest.mark.parametrize(
    "path",
    [
        *("../x.py", "/etc/passwd", "a/../../x.py", ".git/config", "a/.GIT/hooks/pre-commit"),
        *("git~1/config", "~/x.py", "a\\b.py", "a\nb.py", "C:x.py", "a/", "", "\x1b[2J.py"),
    ],
)
def test_paths_that_leave_the_repository_are_refused(path: str) -> None:
    files = {path: "x\n", "fine.py": "y\n"}
    task = Task.model_validate(
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "type": "GENERATE_CODE",
            "prompt": "x",
            "status": "completed",
            "result": {"generated_code": "x\n", "files": files},
            "created_at": "2026-11-28T00:00:00Z",
        }
    )

    with pytest.raises(CommandError, match="a file of the result cannot be committed"):
        read_changes(task)


@pytest.mark.parametrize("path", [".g\u200cit/config", "a/.git./x"])
def test_names_that_some_file_systems_take_for_git_are_refused(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(CommandError, match="git"):
        preview_changes(sandbox.repository, plan(sandbox, {path: "x\n"}))


@pytest.mark.parametrize("branch", ["a..b", "-x", "a b", "HEAD", "", "@{-1}", "x.lock"])
def test_branches_that_git_refuses_are_refused(sandbox: Sandbox, branch: str) -> None:
    with pytest.raises(CommandError, match=r"branch"):
        plan_changes(sandbox.repository, build_changes({"a.py": "x"}), branch=branch)


def test_a_preview_writes_nothing(sandbox: Sandbox) -> None:
    objects = sandbox.git("count-objects", "-v")
    before = sandbox.snapshot()

    preview = preview_changes(sandbox.repository, plan(sandbox, {"a.py": "x = 1\n"}))

    assert "+x = 1" in preview.text
    assert "a.py" in preview.stat
    assert [(each.path, each.added, each.removed) for each in preview.files] == [("a.py", 1, 0)]
    assert sandbox.git("count-objects", "-v") == objects
    assert sandbox.snapshot() == before


def test_a_preview_of_a_first_commit(tmp_path: Path) -> None:
    fresh = Sandbox(tmp_path / "fresh")
    fresh.path.mkdir()
    fresh.git("init", "--quiet")

    assert "+x" in preview_changes(fresh.repository, plan(fresh, {"a.py": "x\n"})).text


def test_settings_of_the_repository_run_no_program(sandbox: Sandbox, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "core.pager", "core.editor"):
        sandbox.git("config", name, str(program))

    preview_changes(sandbox.repository, plan(sandbox, {"a.py": "x\n"}))

    assert not (tmp_path / "ran").exists()


def test_a_folder_without_a_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"not in a git repository: .*--repo DIR"):
        Repository.open(tmp_path)
    with pytest.raises(CommandError, match="not a directory"):
        Repository.open(tmp_path / "nowhere")


def test_a_machine_without_git_says_so(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CommandError, match="git is not installed"):
        Repository.open(sandbox.path)


def test_a_subdirectory_belongs_to_its_repository(sandbox: Sandbox) -> None:
    assert Repository.open(sandbox.path / "src").directory == sandbox.path
