"""Logs: configured once per process, plain or JSON lines, without secrets."""

import json
import logging
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TextIO

from loguru import logger

from cogo.config.settings import LogFormat, LogLevel
from cogo.terminal import escape_json, neutralize
from providers.secrets import Redactor

if TYPE_CHECKING:
    from loguru import Message, Record

_QUIET: Final = ("httpx", "httpx2", "httpcore", "hpack", "openai", "anthropic", "websockets")
"""Libraries whose every request would be a line."""


class _ToLoguru(logging.Handler):
    """Hands records of the standard library's logging to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelname in LogLevel.__members__ else record.levelno
        logger.opt(exception=record.exc_info, depth=6).bind(library=record.name).log(
            level, "{}", record.getMessage()
        )


_redactors: Final[list[Redactor]] = []
"""At most one: of this process, as loguru's sinks are."""


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Take these, too, out of every line from now on."""
    for redactor in _redactors:
        redactor.learn(secrets)


def configure_logs(
    *, level: LogLevel, form: LogFormat, redactor: Redactor, stream: TextIO | None = None
) -> None:
    """Send all logs of this process, the libraries' too, to `stream` (standard error)."""
    out = stream or sys.stderr
    as_json = form is LogFormat.JSON or (form is LogFormat.AUTO and not out.isatty())
    render = _json_line if as_json else _plain_line

    def sink(message: "Message") -> None:
        line = redactor.redact(render(message.record))
        try:
            out.write(line + "\n")
            out.flush()
        except (OSError, ValueError):
            # The terminal is gone, or the pipe; a process must be able to drain without it.
            return

    _redactors[:] = [redactor]
    logger.remove()
    # diagnose would print local variables, keys among them.
    logger.add(sink, level=level.value, format="{message}", diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It reports each failed attempt as an error; an outage is one warning of ours.
    logging.getLogger("realtime").setLevel(logging.CRITICAL)


def _plain_line(record: "Record") -> str:
    time = record["time"].strftime("%H:%M:%S.%f")[:-3]
    values = "".join(f" {key}={value}" for key, value in record["extra"].items())
    line = neutralize(f"{record['message']}{values}", one_line=True)
    return f"{time} {record['level'].name:<7} {line}{neutralize(_trace(record))}"


def _json_line(record: "Record") -> str:
    fields: dict[str, object] = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "message": record["message"],
        "module": record["name"],
    }
    fields = record["extra"] | fields
    if record["exception"] is not None:
        fields["exception"] = _trace(record).strip()
    return escape_json(json.dumps(fields, default=str, ensure_ascii=False))


def _trace(record: "Record") -> str:
    error = record["exception"]
    if error is None or error.type is None:
        return ""
    return "\n" + "".join(traceback.format_exception(error.type, error.value, error.traceback))
