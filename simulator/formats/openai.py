"""The dialect of OpenAI, and of the servers that imitate it."""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from simulator.planned import Draft
from simulator.request import Vendor
from simulator.formats.dialect import Dialect

_OWN_MODEL: Final = re.compile(r"(?:chat)?gpt-|o\d")
_CODES: Final[Mapping[int, tuple[str, str | None]]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
_MODELS: Final = (
    "gpt-6.2-astra",
    "gpt-6.2-sol",
    "gpt-6.1-sol",
    "gpt-6.1-terra",
    "gpt-6-sol",
    "gpt-6-astra",
    "gpt-6-luna",
)


def _shows_reasoning(model: str) -> bool:
    """OpenAI never returns the reasoning of its own models in chat; imitators do."""
    return _OWN_MODEL.match(model) is None


def usage_in_detail(draft: Draft) -> JsonValue:
    """Count with what was cached and what was reasoning."""
    return {
        "prompt_tokens": draft.input_tokens,
        "completion_tokens": draft.output_tokens,
        "total_tokens": draft.input_tokens + draft.output_tokens,
        "prompt_tokens_details": {"cached_tokens": draft.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": draft.reasoning_tokens},
    }


def error_of(status: int, message: str) -> JsonValue:
    """Write an error as OpenAI does."""
    kind, code = _CODES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


OPENAI: Final = Dialect(
    vendor=Vendor.OPENAI,
    shows_reasoning=_shows_reasoning,
    usage=usage_in_detail,
    error=error_of,
)


def models() -> JsonValue:
    """List the models, in the form of GET /v1/models."""
    listed: list[JsonValue] = [
        {"id": model, "object": "model", "created": 0, "owned_by": "simulated"} for model in _MODELS
    ]
    return {"object": "list", "data": listed}
