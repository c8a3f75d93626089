"""What a task is told about a repository, and what never."""

import pytest

from cogo.errors import CommandError
from cogo.repository import read_repository_context, read_test_files
from cogo.repository.context import MAX_BYTES, has_uncommitted_changes
from cogo.repository.needed_files import MAX_FILE_BYTES, MAX_TOTAL_BYTES
from tests.integration.repository.conftest import Sandbox


def test_the_file_is_shown_as_it_is_committed(sandbox: Sandbox) -> None:
    sandbox.write("README.md", "not committed\n")

    params = read_repository_context(
        sandbox.repository, target_file="README.md", branch="feature/x"
    )

    assert params == {
        "git_branch": "feature/x",
        "target_file": "README.md",
        "code_context": "hello\n",
    }
    assert has_uncommitted_changes(sandbox.repository, "README.md")
    assert not has_uncommitted_changes(sandbox.repository, "src/old.py")


def test_the_file_is_shown_as_it_is_on_the_branch(sandbox: Sandbox) -> None:
    sandbox.git("switch", "--quiet", "--create", "feature/x")
    sandbox.commit({"README.md": "of the branch\n"})
    sandbox.git("switch", "--quiet", "main")

    params = read_repository_context(
        sandbox.repository, target_file="README.md", branch="feature/x"
    )

    assert params["code_context"] == "of the branch\n"


def test_a_new_file_has_no_text_yet(sandbox: Sandbox) -> None:
    params = read_repository_context(sandbox.repository, target_file="new.py", branch=None)

    assert params == {"target_file": "new.py"}


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "deploy/.env.production", "id_rsa", "keys/server.pem", ".npmrc", ".netrc"),
        *("config/credentials.json", "secrets.yaml", ".aws/config", "prod.tfvars", "ID_ED25519"),
    ],
)
def test_files_that_hold_secrets_are_never_read(sandbox: Sandbox, path: str) -> None:
    sandbox.commit({path: "TOKEN=1\n"})

    with pytest.raises(CommandError, match="may hold secrets"):
        read_repository_context(sandbox.repository, target_file=path, branch=None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f'KEY = "sk-{"a1" * 20}"\n'.encode(), "looks like a key"),
        (b"\xff\xfe\x00", "not text"),
        (b"a\0b", "not text"),
        (b"x" * (MAX_BYTES + 1), "at most"),
    ],
)
def test_content_that_no_model_should_see_is_refused(
    sandbox: Sandbox, content: bytes, reason: str
) -> None:
    sandbox.commit({"a.py": content})

    with pytest.raises(CommandError, match=reason):
        read_repository_context(sandbox.repository, target_file="a.py", branch=None)


def test_examples_of_settings_may_be_read(sandbox: Sandbox) -> None:
    sandbox.commit({".env.example": "TOKEN=\n"})

    params = read_repository_context(sandbox.repository, target_file=".env.example", branch=None)

    assert params["code_context"] == "TOKEN=\n"


def test_what_is_no_file_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="src is a directory"):
        read_repository_context(sandbox.repository, target_file="src", branch=None)
    with pytest.raises(CommandError, match="inside the repository"):
        read_repository_context(sandbox.repository, target_file="../x.py", branch=None)


def test_tests_get_the_committed_files_but_no_secrets(sandbox: Sandbox) -> None:
    sandbox.commit({
        "tests/test_shop.py": "import shop\n", "shop/é.py": "x = 1\n", "logo.png": b"\x89PNG\0",
        ".env": "TOKEN=1\n", "keys.py": f'KEY = "sk-{"a1" * 20}"\n', "new.py": "known\n",
        "link.py": "",
    })  # fmt: skip
    sandbox.write("tests/test_shop.py", "not committed\n")
    (sandbox.path / "link.py").unlink()
    (sandbox.path / "link.py").symlink_to("/etc/passwd")
    sandbox.git("add", "link.py")
    sandbox.git("commit", "--quiet", "--message", "a link")

    found = read_test_files(sandbox.repository, branch="feature/none", known=["new.py"])

    assert found.files["tests/test_shop.py"] == "import shop\n"
    assert found.files["shop/é.py"] == "x = 1\n"
    assert not found.files.keys() & {"logo.png", ".env", "keys.py", "new.py", "link.py"}
    assert set(found.secret) == {".env", "keys.py"}
    assert found.left_out == ("logo.png",)
    assert "left out: logo.png (too large, too many or not text); left out: .env" in (
        found.describe()
    )


def test_tests_come_first_when_there_is_not_room_for_all_files(sandbox: Sandbox) -> None:
    size = MAX_FILE_BYTES
    many = {f"big{number}.txt": "x" * size for number in range(MAX_TOTAL_BYTES // size + 1)}
    sandbox.commit(many | {"tests/test_it.py": "x" * size, "huge.py": "x" * (size + 1)})

    found = read_test_files(sandbox.repository, branch=None)

    assert "tests/test_it.py" in found.files
    assert "huge.py" in found.left_out
    assert sum(map(len, found.files.values())) <= MAX_TOTAL_BYTES
    assert set(found.left_out) & many.keys()


def test_a_repository_without_commits_has_no_files(sandbox: Sandbox) -> None:
    sandbox.git("update-ref", "-d", "HEAD")

    assert read_test_files(sandbox.repository, branch=None).files == {}
