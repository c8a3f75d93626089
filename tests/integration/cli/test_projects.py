"""Projects and tags of tasks on the command line."""

import json

import pytest

from tests.integration.cli.conftest import Say


def submit(cogo: Say, *options: str) -> tuple[str | None, list[str]]:
    code, out, err = cogo("submit", "hi", "--type", "CHAT", "--no-wait", "--json", *options)
    assert code == 0, err
    task = json.loads(out)
    return task["project"], task["tags"]


def test_a_task_has_a_project_and_tags(cogo: Say) -> None:
    assert submit(cogo) == (None, [])
    assert submit(cogo, "--project", "web", "--tag", "b", "--tag", "a") == ("web", ["a", "b"])

    code, out, _ = cogo("tasks", "show", "last")
    assert code == 0
    assert "project web; tags a, b" in out


def test_the_setting_is_the_default(cogo: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGO_PROJECT", "web")

    assert submit(cogo) == ("web", [])
    assert submit(cogo, "--project", "app") == ("app", [])
    assert submit(cogo, "--project", "") == (None, [])


def test_what_is_too_large_is_refused_in_one_line(cogo: Say) -> None:
    for options in (("--project", "p" * 101), ("--tag", "x" * 51), ("--tag", "x") * 21):
        code, _, err = cogo("submit", "hi", "--type", "CHAT", "--no-wait", *options)
        assert code != 0
        assert "the limit is" in err
        assert len(err.splitlines()) == 1


def test_operators_manage_projects_and_their_members(cogo: Say) -> None:
    user = "8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c"
    assert cogo("projects")[1].startswith("no projects")
    submit(cogo, "--project", "web")
    assert cogo("budget", "set", "project:web", "5")[0] == 0
    code, out, _ = cogo("projects", "add", "web", user, "--role", "editor")
    assert (code, out.strip()) == (0, f"{user} is editor of web")

    _, out, _ = cogo("projects")
    assert out.splitlines()[1].split() == [
        "web", "$0.0000", "$5", "per", "day", "1", "1", "editor,", "0", "viewers",
    ]  # fmt: skip
    [listed] = json.loads(cogo("projects", "list", "--json")[1])
    assert [each["user_id"] for each in listed["members"]] == [user]
    assert listed["caps"][0]["limit_usd"] == "5"
    assert user in cogo("projects", "members", "web")[1]
    assert cogo("projects", "remove", "web", user)[1].strip() == "removed"
    assert "no such member" in cogo("projects", "remove", "web", user)[1]
    code, _, err = cogo("projects", "add", "p" * 101, user)
    assert code != 0 and "the limit is 100" in err


def test_a_key_is_restricted_to_a_project(cogo: Say) -> None:
    make = ("keys", "create", "--name", "k", "--project")
    created = json.loads(cogo(*make, " web ", "--json")[1])
    assert created["project"] == "web"
    rotated = json.loads(cogo("keys", "rotate", created["id"], "--json")[1])
    assert rotated["project"] == "web"
    code, _, err = cogo(*make, "web", "--scope", "admin")
    assert code != 0 and "not for one project" in err
