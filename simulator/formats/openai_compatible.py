"""The dialects of vendors that imitate OpenAI, as observed, and their lists of models."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from simulator.formats.dialect import Dialect
from simulator.formats.openai import build_detailed_usage, build_error, build_model_list
from simulator.planned import PlannedResponse
from simulator.request import Vendor

BASES: Final[Mapping[Vendor, str]] = {
    Vendor.COHERE: "/compatibility/v1",
    Vendor.DEEPSEEK: "",
    Vendor.GROQ: "/openai/v1",
    Vendor.OPENROUTER: "/api/v1",
    Vendor.PERPLEXITY: "",
}
"""Paths of APIs that are not at /v1."""

MODELS: Final[Mapping[Vendor, Sequence[str]]] = {
    Vendor.COHERE: ("command-a-03-2025", "command-r-08-2024"),
    Vendor.DEEPSEEK: ("deepseek-flash", "deepseek-v4-pro"),
    Vendor.GROQ: ("llama-3.3-70b-versatile", "qwen/qwen3.8-27b"),
    Vendor.HUGGINGFACE: ("openai/gpt-oss-120b",),
    Vendor.MISTRAL: ("mistral-large-4", "codestral-2508"),
    Vendor.OPENROUTER: ("google/gemini-3.8-flash", "openai/gpt-6-sol"),
    Vendor.PERPLEXITY: ("sonar", "sonar-pro"),
    Vendor.PORTKEY: ("@openai/gpt-6-sol",),
    Vendor.TOGETHER: ("deepseek-ai/DeepSeek-V4.1-Flash",),
    Vendor.XAI: ("grok-4.7", "grok-code-fast-1"),
}


def api_path(vendor: Vendor) -> str:
    """Return the path of a vendor's API below its name."""
    return BASES.get(vendor, "/v1")


def list_vendor_models(vendor: Vendor) -> JsonValue:
    """Return a vendor's list of models, as GET /v1/models does."""
    return build_model_list(MODELS[vendor])


def _build_usage(planned: PlannedResponse) -> dict[str, JsonValue]:
    return {
        "prompt_tokens": planned.input_tokens,
        "completion_tokens": planned.output_tokens,
        "total_tokens": planned.input_tokens + planned.output_tokens,
    }


def _build_xai_usage(planned: PlannedResponse) -> JsonValue:
    """Build usage whose completion tokens do not include the reasoning, as xAI does."""
    return {
        **build_detailed_usage(planned),
        "completion_tokens": planned.output_tokens - planned.reasoning_tokens,
    }


def _build_deepseek_usage(planned: PlannedResponse) -> JsonValue:
    return {
        **_build_usage(planned),
        "prompt_cache_hit_tokens": planned.cached_tokens,
        "prompt_cache_miss_tokens": planned.input_tokens - planned.cached_tokens,
        "completion_tokens_details": {"reasoning_tokens": planned.reasoning_tokens},
    }


def _build_sources(planned: PlannedResponse) -> dict[str, JsonValue]:
    del planned
    url = "https://example.com/simulated"
    source: JsonValue = {"url": url, "title": "A simulated source", "date": None}
    return {"citations": [url], "search_results": [source]}


def _build_text_error(status: int, message: str) -> JsonValue:
    """Build an error that is a string, as MLX-LM does."""
    return {"error": f"{message} ({status})"}


def _build_llamacpp_error(status: int, message: str) -> JsonValue:
    kinds = {400: "invalid_request_error", 404: "not_found_error", 503: "unavailable_error"}
    kind = kinds.get(status, "server_error")
    if "context size" in message:
        kind = "exceed_context_size_error"
    return {"error": {"code": status, "message": message, "type": kind}}


def _build_vllm_error(status: int, message: str) -> JsonValue:
    kinds = {400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError"}
    kind = kinds.get(status, "InternalServerError")
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def _build_flat_error(status: int, message: str) -> JsonValue:
    """Build an error without an enclosing object, as Mistral does."""
    return {"object": "error", "message": message, "type": "invalid_request", "code": str(status)}


DIALECTS: Final = (
    Dialect(vendor=Vendor.COHERE, error=_build_flat_error, usage=_build_usage),
    Dialect(
        vendor=Vendor.DEEPSEEK,
        error=build_error,
        usage=_build_deepseek_usage,
        always_sends_usage=True,
        comment="keep-alive",
    ),
    Dialect(
        vendor=Vendor.GROQ,
        error=build_error,
        usage=build_detailed_usage,
        reasoning="reasoning",
        always_sends_usage=True,
        usage_parent="x_groq",
    ),
    Dialect(
        vendor=Vendor.HUGGINGFACE, error=build_error, usage=_build_usage, reasoning="reasoning"
    ),
    Dialect(vendor=Vendor.LLAMACPP, error=_build_llamacpp_error, usage=build_detailed_usage),
    Dialect(vendor=Vendor.LMSTUDIO, error=build_error, usage=_build_usage, reasoning="tags"),
    Dialect(
        vendor=Vendor.MISTRAL,
        error=_build_flat_error,
        usage=_build_usage,
        always_sends_usage=True,
        reasoning="parts",
        arguments_are_objects=True,
    ),
    Dialect(
        vendor=Vendor.MLX,
        error=_build_text_error,
        usage=_build_usage,
        reasoning="reasoning",
        comment="keepalive 1/2",
    ),
    Dialect(vendor=Vendor.OLLAMA, error=build_error, usage=_build_usage, reasoning="reasoning"),
    Dialect(
        vendor=Vendor.OPENROUTER,
        error=build_error,
        usage=build_detailed_usage,
        always_sends_usage=True,
        reasoning="reasoning",
        comment="OPENROUTER PROCESSING",
    ),
    Dialect(
        vendor=Vendor.PERPLEXITY,
        error=build_error,
        usage=_build_usage,
        always_sends_usage=True,
        reasoning="tags",
        fields=_build_sources,
    ),
    Dialect(vendor=Vendor.PORTKEY, error=build_error, usage=build_detailed_usage),
    Dialect(
        vendor=Vendor.TOGETHER,
        error=build_error,
        usage=_build_usage,
        always_sends_usage=True,
        stop="eos",
    ),
    Dialect(
        vendor=Vendor.VLLM,
        error=_build_vllm_error,
        usage=build_detailed_usage,
        reasoning="reasoning",
    ),
    Dialect(vendor=Vendor.XAI, error=build_error, usage=_build_xai_usage),
)


def build_rerank_dialect(vendor: Vendor) -> Dialect:
    """Return the dialect of a vendor that only ranks, for its errors."""
    return Dialect(vendor=vendor, error=build_error, usage=_build_usage)
