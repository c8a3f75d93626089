"""The server's log escapes control characters in texts of users."""

import logging

from embedded.__main__ import LineFormatter


def test_a_message_is_one_line_without_control_characters() -> None:
    hostile = "\x1b[2J\u202e\nERROR all is lost"
    error = (ValueError, ValueError(hostile), None)
    record = logging.LogRecord("n", 30, "f", 1, "refused: %s", (hostile,), error)

    first, *trace = LineFormatter("%(levelname)s %(message)s").format(record).splitlines()

    assert first == r"WARNING refused: \x1b[2J\u202e\nERROR all is lost"
    assert trace == [r"ValueError: \x1b[2J\u202e", "ERROR all is lost"]
