"""The dialect of Fireworks, and its lists of models."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from simulator.formats.dialect import Dialect
from simulator.planned import PlannedResponse
from simulator.request import Vendor

_CODES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_MODELS: Final[Mapping[str, int]] = {
    "deepseek-v4p1-flash": 1_048_576,
    "glm-5p3": 202_752,
    "glm-5p3-flash": 202_752,
    "kimi-k3": 262_144,
    "kimi-k3p1-pro": 1_048_576,
    "minimax-m3": 204_800,
    "qwen3p8-max": 262_144,
}


def _build_usage(planned: PlannedResponse) -> JsonValue:
    # Reasoning is counted in the completion and not separately.
    return {
        "prompt_tokens": planned.input_tokens,
        "completion_tokens": planned.output_tokens,
        "total_tokens": planned.input_tokens + planned.output_tokens,
        "prompt_tokens_details": {"cached_tokens": planned.cached_tokens},
    }


def _build_headers(planned: PlannedResponse) -> dict[str, str]:
    return {
        "fireworks-prompt-tokens": str(planned.input_tokens),
        "fireworks-cached-prompt-tokens": str(planned.cached_tokens),
    }


def _build_error(status: int, message: str) -> JsonValue:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    code = _CODES.get(status, "INTERNAL")
    return {"error": {"object": "error", "type": kind, "code": code, "message": message}}


FIREWORKS: Final = Dialect(
    vendor=Vendor.FIREWORKS,
    default_max_tokens=2048,
    always_sends_usage=True,
    usage=_build_usage,
    headers=_build_headers,
    error=_build_error,
)


def list_account_models(account: str, *, offset: int, limit: int) -> JsonValue:
    """Return one page of an account's models, as GET /v1/accounts/{account}/models does.

    All belong to the account `fireworks`; any other has none.
    """
    names = list(_MODELS) if account == "fireworks" else []
    end = offset + limit
    page: list[JsonValue] = [
        {
            "name": _build_path(name),
            "displayName": name,
            "contextLength": _MODELS[name],
            "kind": "HF_BASE_MODEL",
            "state": "READY",
            "public": True,
            "supportsServerless": True,
            "supportsTools": True,
            "supportsImageInput": False,
        }
        for name in names[offset:end]
    ]
    token = str(end) if end < len(names) else ""
    return {"models": page, "nextPageToken": token, "totalSize": len(names)}


def list_fireworks_models() -> JsonValue:
    """Return the list of models, as GET /inference/v1/models does."""
    listed: list[JsonValue] = [
        {
            "id": _build_path(name),
            "object": "model",
            "created": 0,
            "owned_by": "fireworks",
            "context_length": context_length,
            "supports_chat": True,
        }
        for name, context_length in _MODELS.items()
    ]
    return {"object": "list", "data": listed}


def _build_path(name: str) -> str:
    return f"accounts/fireworks/models/{name}"
