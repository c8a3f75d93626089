"""Errors of Ollama: strings, some of which quote the error of the server that it runs inside."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from providers.adapters.http.error_mapping import map_payload, map_status
from providers.adapters.payload import decode_json
from providers.errors import (
    CallFailed,
    ContextTooLong,
    MalformedResponse,
    ModelNotFound,
    NotSupported,
)

_MISSING: Final = re.compile(r"model ['\"](?P<name>[\w.:/@-]{1,200})['\"] not found")
_OTHER_API: Final = (
    "the server does not know Ollama's own API: give this provider "
    '`adapter = "openai_compatible"` in cogo.toml'
)
_BLIND: Final = re.compile(r"missing data required for image input", re.IGNORECASE)
_MEMORY: Final = re.compile(r"more system memory|out of memory|cudaMalloc", re.IGNORECASE)
_TOO_LONG: Final = re.compile(r"request \((\d{1,9}) tokens\) exceeds")
_NO_THINKING: Final = re.compile(r"not support thinking", re.IGNORECASE)
_NO_LEVEL: Final = re.compile(r"think value", re.IGNORECASE)


def map_ollama_payload(vendor: str, payload: Mapping[str, Any], *, secret: str) -> CallFailed:
    """Return the error for a line with an error."""
    inner = _unwrap(vendor, payload)
    error = map_payload(vendor, inner or payload, secret=secret)
    return advise(error, inner or payload)


class Refiner:
    """Replaces an error by the one that its body implies, for `VendorClient`."""

    def __init__(self, vendor: str, secret: str) -> None:
        self._vendor = vendor
        self._secret = secret

    def __call__(self, error: CallFailed, body: object) -> CallFailed:
        """Return the error, or a better one."""
        inner = _unwrap(self._vendor, body)
        if inner is not None and error.status is not None:
            error = map_status(self._vendor, error.status, inner, {}, secret=self._secret)
        return advise(error, inner or body)


def advise(error: CallFailed, body: object) -> CallFailed:
    """Return the error with advice, where the operator can do something."""
    message = _get_message(body)
    if isinstance(error, MalformedResponse):
        return error  # its message quotes the model, which may write anything
    if error.status in {404, 405} and not message:
        return _replace(NotSupported, error, _OTHER_API)
    if error.status == 404 and (found := _MISSING.search(message)):
        summary = f"the model is not here: `ollama pull {found['name']}` fetches it"
        return _replace(ModelNotFound, error, summary)
    if _BLIND.search(message):
        return _replace(NotSupported, error, "the model does not see images")
    if _MEMORY.search(message):
        summary = "the machine has too little memory for this model and its context"
        return _replace(type(error), error, summary)
    return error


def read_prompt_tokens(error: ContextTooLong) -> int | None:
    """Return the tokens of a prompt that was too long, if the error tells them."""
    found = _TOO_LONG.search(error.vendor_message or "")
    return int(found[1]) if found else None


def refuses_thinking(error: CallFailed) -> bool:
    """Return whether the model takes no `think`."""
    return error.status == 400 and _NO_THINKING.search(error.vendor_message or "") is not None


def refuses_level(error: CallFailed) -> bool:
    """Return whether the model reasons or does not, and takes no level."""
    return error.status == 400 and _NO_LEVEL.search(error.vendor_message or "") is not None


def _replace(kind: type[CallFailed], error: CallFailed, summary: str) -> CallFailed:
    return kind(
        error.vendor,
        summary,
        status=error.status,
        vendor_message=error.vendor_message,
        retry_after=error.retry_after,
    )


def _unwrap(vendor: str, body: object) -> Mapping[str, Any] | None:
    """Return the error of the inner server, which Ollama quotes as JSON in its own."""
    message = _get_message(body)
    if not message.startswith("{"):
        return None
    with suppress(MalformedResponse):
        inner = decode_json(vendor, message.encode("utf-8", "replace"))
        if isinstance(inner, Mapping) and "error" in inner:
            return inner
    return None


def _get_message(body: object) -> str:
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, Mapping):
        error = error.get("message")
    return error if isinstance(error, str) else ""
