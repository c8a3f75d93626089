"""Logging of a process: plain or JSON lines, without secrets."""

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
"""Libraries that log every request."""


class _ToLoguru(logging.Handler):
    """Passes records of the standard library's logging to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelname in LogLevel.__members__ else record.levelno
        logger.opt(exception=record.exc_info, depth=6).bind(library=record.name).log(
            level, "{}", record.getMessage()
        )


_redactors: Final[list[Redactor]] = []
"""The redactor of this process, if logging is configured."""


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Remove these secrets, too, from all further lines."""
    for redactor in _redactors:
        redactor.add(secrets)


def is_configured() -> bool:
    """Return whether this process, or the one that it is a fork of, has configured its logs."""
    return bool(_redactors)


def configure_logs(
    *, level: LogLevel, form: LogFormat, redactor: Redactor, stream: TextIO | None = None
) -> None:
    """Write all logs of this process and its libraries to `stream` (standard error)."""
    out = stream or sys.stderr
    as_json = form is LogFormat.JSON or (form is LogFormat.AUTO and not out.isatty())
    render = _format_json if as_json else _format_plain

    def sink(message: "Message") -> None:
        line = redactor.redact(render(message.record))
        try:
            out.write(line + "\n")
            out.flush()
        except (OSError, ValueError):
            # The terminal or pipe was closed; the process must still be able to drain.
            return

    _redactors[:] = [redactor]
    logger.remove()
    # diagnose would print local variables, including keys.
    logger.add(sink, level=level.value, format="{message}", diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # These log each failed attempt as an error, with what servers send; we log it once, without.
    for name in ("realtime", "mcp", "client"):  # the last is also MCP's
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _format_plain(record: "Record") -> str:
    time = record["time"].strftime("%H:%M:%S.%f")[:-3]
    values = "".join(f" {key}={value}" for key, value in record["extra"].items())
    line = neutralize(f"{record['message']}{values}", one_line=True)
    return f"{time} {record['level'].name:<7} {line}{neutralize(_format_exception(record))}"


def _format_json(record: "Record") -> str:
    fields: dict[str, object] = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "message": record["message"],
        "module": record["name"],
    }
    fields = record["extra"] | fields
    if record["exception"] is not None:
        fields["exception"] = _format_exception(record).strip()
    return escape_json(json.dumps(fields, default=str, ensure_ascii=False))


def _format_exception(record: "Record") -> str:
    error = record["exception"]
    if error is None or error.type is None:
        return ""
    return "\n" + "".join(traceback.format_exception(error.type, error.value, error.traceback))
