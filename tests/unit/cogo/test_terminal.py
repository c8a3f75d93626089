"""Text for a terminal cannot move the cursor, hide or reverse anything."""

import io
import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from cogo.config.logging import configure_logs
from cogo.config.settings import LogFormat, LogLevel
from cogo.terminal import (
    escape_json,
    lay_out_table,
    neutralize,
    print_json,
    print_line,
    print_text,
    write_text,
)
from providers.secrets import Redactor

HOSTILE = "\x1b[2J\x9b\u202egpj.\u2069\x7f\ud800"
SHOWN = r"\x1b[2J\x9b\u202egpj.\u2069\x7f\ud800"


@given(st.text(st.characters(codec=None)))
def test_no_control_and_no_override_is_left_and_the_rest_stays(text: str) -> None:
    shown = neutralize(text)

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert neutralize(shown) == shown
    shown.encode()
    assert json.loads(escape_json(json.dumps(text, ensure_ascii=False))) == text


def test_newlines_tabs_and_every_script_stay() -> None:
    text = "x = 1\n\tשלם 数字 👩‍💻 é"

    assert neutralize(text) == text
    assert neutralize("a\r\nb\rc") == "a\nb\\rc"


def test_every_way_to_print_escapes_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_line(HOSTILE)
    write_text(HOSTILE + "\n")
    print_text(HOSTILE)
    print_json({"text": HOSTILE})

    *lines, document = capsys.readouterr().out.splitlines()

    assert lines == [SHOWN] * 3
    assert document.isprintable()
    assert json.loads(document) == {"text": HOSTILE}


def test_a_cell_stays_in_its_row_and_a_text_in_its_indentation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines, _ = lay_out_table(("A", "B"), [("x\ny", "z")])
    print_text("abcd1234  failed  one\nabcd1234  completed", indent=4)

    assert lines == ["A     B", r"x\ny  z"]
    assert capsys.readouterr().out == "abcd1234  failed  one\n    abcd1234  completed\n"


@pytest.fixture
def restored_logs() -> Iterator[None]:
    yield
    logger.remove()


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.PLAIN])
def test_a_value_writes_no_line_of_its_own_into_the_log(form: LogFormat) -> None:
    out = io.StringIO()
    configure_logs(level=LogLevel.INFO, form=form, redactor=Redactor(), stream=out)

    logger.info("it said", text=f"{HOSTILE}\n12:00:00.000 ERROR   all is lost")

    [line] = out.getvalue().splitlines()
    assert line.isprintable()
