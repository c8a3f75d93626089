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
