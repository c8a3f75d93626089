"""Invalid arguments of `cogo queue limit` and similar commands, refused at once."""

from pathlib import Path

import pytest

from tests.support.servers.command_line import cogo


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("pause",), "--lane MODEL or --owner ID"),
        (("resume", "--lane", "a", "--owner", "none"), "use either --lane"),
        (("pause", "--owner", "me"), "'me' is not an owner"),
        (("pause", "--lane", " "), "--lane must be"),
        (("limit", "--lane", "a"), "nothing to change"),
        (("limit", "--lane", "a", "--running", "-1"), "whole number of at least 0"),
        (("limit", "--lane", "a", "--per-minute", "0"), "whole number of at least 1"),
    ],
)
def test_invalid_arguments_are_refused_with_valid_ones(
    line: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    ended = cogo("queue", *line, home=tmp_path)

    assert ended.returncode != 0
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
