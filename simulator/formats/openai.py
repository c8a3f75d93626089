"""The dialect of OpenAI, and its list of models."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue

from simulator.formats.dialect import Dialect
from simulator.planned import PlannedResponse
from simulator.request import Vendor

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
    """Return False for OpenAI's own models, whose reasoning is never returned in chat."""
    return _OWN_MODEL.match(model) is None


def build_detailed_usage(planned: PlannedResponse) -> dict[str, JsonValue]:
    """Build usage with details of cached and reasoning tokens."""
    return {
        "prompt_tokens": planned.input_tokens,
        "completion_tokens": planned.output_tokens,
        "total_tokens": planned.input_tokens + planned.output_tokens,
        "prompt_tokens_details": {"cached_tokens": planned.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": planned.reasoning_tokens},
    }


def build_error(status: int, message: str) -> JsonValue:
    """Build the body of an error as OpenAI does."""
    kind, code = _CODES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


OPENAI: Final = Dialect(
    vendor=Vendor.OPENAI,
    shows_reasoning=_shows_reasoning,
    usage=build_detailed_usage,
    error=build_error,
)


def list_openai_models() -> JsonValue:
    """Return the list of models, as GET /v1/models does."""
    return build_model_list(_MODELS)


def build_model_list(names: Iterable[str]) -> JsonValue:
    """Build the body of GET /v1/models."""
    listed: list[JsonValue] = [
        {"id": name, "object": "model", "created": 0, "owned_by": "simulated"} for name in names
    ]
    return {"object": "list", "data": listed}
