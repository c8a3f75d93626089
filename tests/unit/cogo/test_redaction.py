"""Secrets never reach a log."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from cogo.config.catalogue import KeySource
from cogo.config.context import Project
from cogo.config.logging import configure_logs
from cogo.config.settings import LogFormat, LogLevel, Settings
from providers.catalogue.catalogue import Catalogue
from providers.secrets import MASK, Redactor
from tests.support.keys import KEYS


@pytest.fixture
def restored_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logger.remove()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def test_user_and_password_of_an_address_are_masked() -> None:
    text = Redactor(places=True).redact(
        "cannot reach postgresql://postgres:hunter2@db.example:5432/x"
    )

    assert text == f"cannot reach postgresql://{MASK}@db.example:5432/x"


def test_ordinary_words_are_kept() -> None:
    text = "task-sk-7 https://api.example/v1 postgresql://me:PASSWORD@host bearer token"

    assert Redactor(["short"], places=True).redact(text) == text


@pytest.mark.usefixtures("restored_logs")
@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.PLAIN])
def test_no_part_of_a_record_carries_a_secret_to_the_log(form: LogFormat) -> None:
    secret = "known-value-of-a-key"
    keys = list(KEYS.values())
    out = io.StringIO()
    configure_logs(
        level=LogLevel.INFO, form=form, redactor=Redactor([secret], places=True), stream=out
    )

    def fail(key: str) -> None:
        raise ValueError(f"refused {key}")

    with logger.contextualize(task_id="t-1", token=secret):
        try:
            fail(secret)
        except ValueError:
            logger.exception("turn failed", key=secret)
    logging.getLogger("library").warning("it said %s", secret)
    logger.info("unknown keys", keys=keys)

    assert not [key for key in (secret, *keys) if key in out.getvalue()]
    assert out.getvalue().count(MASK) >= 4
    assert "t-1" in out.getvalue()


@pytest.mark.usefixtures("restored_logs")
def test_a_json_line_is_an_object_with_the_ids_as_fields() -> None:
    out = io.StringIO()
    configure_logs(
        level=LogLevel.INFO, form=LogFormat.JSON, redactor=Redactor(places=True), stream=out
    )

    with logger.contextualize(task_id="t-1", attempt=2):
        logger.info("turn finished", message="{braces}", tokens_in=12)

    line = json.loads(out.getvalue())
    assert (line["message"], line["task_id"], line["attempt"], line["tokens_in"]) == (
        "turn finished",
        "t-1",
        2,
        12,
    )


@pytest.mark.usefixtures("restored_logs")
def test_a_key_that_is_read_while_the_process_runs_is_masked_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    file = tmp_path / ".env"
    file.write_text("MISTRAL_API_KEY=the-first-key-of-it")
    monkeypatch.setenv("COGO_ENV_FILE", str(file))
    monkeypatch.delenv("MISTRAL_API_KEY", raising=False)
    configure_logs(
        level=LogLevel.INFO, form=LogFormat.PLAIN, redactor=Redactor(places=True), stream=out
    )
    project = Project(settings=Settings.load(tmp_path), home=tmp_path, directory=tmp_path)
    source = KeySource(project, Catalogue.load())

    source.read()
    file.write_text("MISTRAL_API_KEY=another-key-of-it")
    source.reread(urgent=True)
    logger.info("both", text="the-first-key-of-it another-key-of-it")

    assert f"text={MASK} {MASK}" in out.getvalue()
