"""The dialect of Fireworks, and its listing of models."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from simulator.planned import Draft
from simulator.request import Vendor
from simulator.formats.dialect import Dialect

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


def _usage(draft: Draft) -> JsonValue:
    # Reasoning is part of the completion and not broken out.
    return {
        "prompt_tokens": draft.input_tokens,
        "completion_tokens": draft.output_tokens,
        "total_tokens": draft.input_tokens + draft.output_tokens,
        "prompt_tokens_details": {"cached_tokens": draft.cached_tokens},
    }


def _headers(draft: Draft) -> dict[str, str]:
    return {
        "fireworks-prompt-tokens": str(draft.input_tokens),
        "fireworks-cached-prompt-tokens": str(draft.cached_tokens),
    }


def _error(status: int, message: str) -> JsonValue:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    code = _CODES.get(status, "INTERNAL")
    return {"error": {"object": "error", "type": kind, "code": code, "message": message}}


FIREWORKS: Final = Dialect(
    vendor=Vendor.FIREWORKS,
    default_max_tokens=2048,
    is_usage_unasked=True,
    usage=_usage,
    headers=_headers,
    error=_error,
)


def account_models(account: str, *, offset: int, limit: int) -> JsonValue:
    """List one page of an account's models, in the form of GET /v1/accounts/{account}/models.

    All belong to the account `fireworks`; any other has none.
    """
    names = list(_MODELS) if account == "fireworks" else []
    end = offset + limit
    page: list[JsonValue] = [
        {
            "name": _path(name),
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


def models() -> JsonValue:
    """List the models, in the form of GET /inference/v1/models."""
    listed: list[JsonValue] = [
        {
            "id": _path(name),
            "object": "model",
            "created": 0,
            "owned_by": "fireworks",
            "context_length": context_length,
            "supports_chat": True,
        }
        for name, context_length in _MODELS.items()
    ]
    return {"object": "list", "data": listed}


def _path(name: str) -> str:
    return f"accounts/fireworks/models/{name}"
