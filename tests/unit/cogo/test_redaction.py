"""Secrets never reach a log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from cogo.logs import configure_logs
from cogo.redaction import MASK, Redactor
from cogo.settings import LogFormat, LogLevel

SHAPES = [
    "sb_secret_" + "a1" * 12,
    "sk-ant-" + "api03-" + "x" * 24,
    "sk-" + "proj_" + "y" * 24,
    "fw_" + "z" * 24,
    "gsk_" + "q" * 24,
    "pplx-" + "w" * 24,
    "ey" + "J" + "a" * 20 + "." + "b" * 20 + "." + "c" * 20,
]


@pytest.fixture
def restored_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logger.remove()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize("secret", SHAPES)
def test_what_looks_like_a_key_is_masked_though_unknown(secret: str) -> None:
    assert Redactor().redact(f"sent {secret} to them") == f"sent {MASK} to them"


def test_user_and_password_of_an_address_are_masked() -> None:
    text = Redactor().redact("cannot reach postgresql://postgres:hunter2@db.example:5432/postgres")

    assert text == f"cannot reach postgresql://{MASK}@db.example:5432/postgres"


def test_a_known_secret_is_masked_in_plain_and_in_escaped_form() -> None:
    secret = 'se"cret\\value'

    text = Redactor([secret]).redact(f"{secret} {json.dumps(secret)}")

    assert text == f'{MASK} "{MASK}"'


def test_a_publishable_key_and_ordinary_words_stay() -> None:
    text = "sb_publishable_abcdefgh task-sk-7 https://api.example/v1 postgresql://me:PASSWORD@host"

    assert Redactor(["short"]).redact(text) == text


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.PLAIN])
def test_no_part_of_a_record_carries_a_secret_to_the_log(form: LogFormat) -> None:
    secret = "known-value-of-a-key"
    out = io.StringIO()
    configure_logs(level=LogLevel.INFO, form=form, redactor=Redactor([secret]), stream=out)

    def fail(key: str) -> None:
        raise ValueError(f"refused {key}")

    with logger.contextualize(task_id="t-1", token=secret):
        try:
            fail(secret)
        except ValueError:
            logger.exception("turn failed", key=secret)
    logging.getLogger("library").warning("it said %s", secret)

    assert secret not in out.getvalue()
    assert out.getvalue().count(MASK) >= 4
    assert "t-1" in out.getvalue()


@pytest.mark.usefixtures("restored_logs")
def test_a_json_line_is_an_object_with_the_ids_as_fields() -> None:
    out = io.StringIO()
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, redactor=Redactor(), stream=out)

    with logger.contextualize(task_id="t-1", attempt=2):
        logger.info("turn finished", message="{braces}", tokens_in=12)

    line = json.loads(out.getvalue())
    assert (line["message"], line["task_id"], line["attempt"], line["tokens_in"]) == (
        "turn finished",
        "t-1",
        2,
        12,
    )
