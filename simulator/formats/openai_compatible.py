"""The dialects of everyone who imitates OpenAI, by what was seen of them; and their listings."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from simulator.planned import Draft
from simulator.request import Vendor
from simulator.formats.dialect import Dialect
from simulator.formats.openai import error_of, usage_in_detail

BASES: Final[Mapping[Vendor, str]] = {
    Vendor.COHERE: "/compatibility/v1",
    Vendor.DEEPSEEK: "",
    Vendor.GROQ: "/openai/v1",
    Vendor.OPENROUTER: "/api/v1",
    Vendor.PERPLEXITY: "",
}
"""Where a vendor's API is not at /v1."""

MODELS: Final[Mapping[Vendor, Sequence[str]]] = {
    Vendor.COHERE: ("command-a-03-2025", "command-r-08-2024"),
    Vendor.DEEPSEEK: ("deepseek-flash", "deepseek-v4-pro"),
    Vendor.GROQ: ("llama-3.3-70b-versatile", "qwen/qwen3.8-27b"),
    Vendor.HUGGINGFACE: ("openai/gpt-oss-120b",),
    Vendor.LLAMACPP: ("local.gguf",),
    Vendor.LMSTUDIO: ("qwen3-8b",),
    Vendor.MISTRAL: ("mistral-large-4", "codestral-2508"),
    Vendor.MLX: ("mlx-community/Qwen3-4B-4bit",),
    Vendor.OLLAMA: ("qwen3:8b",),
    Vendor.OPENROUTER: ("google/gemini-3.8-flash", "openai/gpt-6-sol"),
    Vendor.PERPLEXITY: ("sonar", "sonar-pro"),
    Vendor.PORTKEY: ("@openai/gpt-6-sol",),
    Vendor.TOGETHER: ("deepseek-ai/DeepSeek-V4.1-Flash",),
    Vendor.VLLM: ("Qwen/Qwen3-8B",),
    Vendor.XAI: ("grok-4.7", "grok-code-fast-1"),
}


def base_of(vendor: Vendor) -> str:
    """Return the path of a vendor's API, below its own name."""
    return BASES.get(vendor, "/v1")


def listing(vendor: Vendor) -> JsonValue:
    """List a vendor's models, in the form of GET /v1/models."""
    rows: list[JsonValue] = [
        {"id": name, "object": "model", "created": 0, "owned_by": "simulated"}
        for name in MODELS[vendor]
    ]
    return {"object": "list", "data": rows}


def _three_counts(draft: Draft) -> JsonValue:
    return {
        "prompt_tokens": draft.input_tokens,
        "completion_tokens": draft.output_tokens,
        "total_tokens": draft.input_tokens + draft.output_tokens,
    }


def _thinking_beside(draft: Draft) -> JsonValue:
    """Count reasoning beside the completion and not in it, as xAI does."""
    spoken = draft.output_tokens - draft.reasoning_tokens
    return {
        "prompt_tokens": draft.input_tokens,
        "completion_tokens": spoken,
        "total_tokens": draft.input_tokens + draft.output_tokens,
        "prompt_tokens_details": {"cached_tokens": draft.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": draft.reasoning_tokens},
    }


def _hits_and_misses(draft: Draft) -> JsonValue:
    return {
        "prompt_tokens": draft.input_tokens,
        "completion_tokens": draft.output_tokens,
        "total_tokens": draft.input_tokens + draft.output_tokens,
        "prompt_cache_hit_tokens": draft.cached_tokens,
        "prompt_cache_miss_tokens": draft.input_tokens - draft.cached_tokens,
        "completion_tokens_details": {"reasoning_tokens": draft.reasoning_tokens},
    }


def _sources(draft: Draft) -> dict[str, JsonValue]:
    del draft
    url = "https://example.com/simulated"
    source: JsonValue = {"url": url, "title": "A simulated source", "date": None}
    return {"citations": [url], "search_results": [source]}


def _words(status: int, message: str) -> JsonValue:
    """Say what is wrong in a string, as MLX-LM and Ollama's own errors do."""
    return {"error": f"{message} ({status})"}


def _detail(status: int, message: str) -> JsonValue:
    """Write an error without an object around it, as Mistral does."""
    return {"object": "error", "message": message, "type": "invalid_request", "code": str(status)}


DIALECTS: Final = (
    Dialect(vendor=Vendor.COHERE, error=_detail, usage=_three_counts),
    Dialect(
        vendor=Vendor.DEEPSEEK,
        error=error_of,
        usage=_hits_and_misses,
        is_usage_unasked=True,
        comment="keep-alive",
    ),
    Dialect(
        vendor=Vendor.GROQ,
        error=error_of,
        usage=usage_in_detail,
        reasoning="reasoning",
        is_usage_unasked=True,
        usage_below="x_groq",
    ),
    Dialect(vendor=Vendor.HUGGINGFACE, error=error_of, usage=_three_counts, reasoning="reasoning"),
    Dialect(vendor=Vendor.LLAMACPP, error=error_of, usage=usage_in_detail),
    Dialect(vendor=Vendor.LMSTUDIO, error=error_of, usage=_three_counts, reasoning="tags"),
    Dialect(
        vendor=Vendor.MISTRAL,
        error=_detail,
        usage=_three_counts,
        is_usage_unasked=True,
        reasoning="parts",
        arguments_are_objects=True,
    ),
    Dialect(
        vendor=Vendor.MLX,
        error=_words,
        usage=_three_counts,
        reasoning="reasoning",
        comment="keepalive 1/2",
    ),
    Dialect(vendor=Vendor.OLLAMA, error=error_of, usage=_three_counts, reasoning="reasoning"),
    Dialect(
        vendor=Vendor.OPENROUTER,
        error=error_of,
        usage=usage_in_detail,
        is_usage_unasked=True,
        reasoning="reasoning",
        comment="OPENROUTER PROCESSING",
    ),
    Dialect(
        vendor=Vendor.PERPLEXITY,
        error=error_of,
        usage=_three_counts,
        is_usage_unasked=True,
        reasoning="tags",
        fields=_sources,
    ),
    Dialect(vendor=Vendor.PORTKEY, error=error_of, usage=usage_in_detail),
    Dialect(
        vendor=Vendor.TOGETHER,
        error=error_of,
        usage=_three_counts,
        is_usage_unasked=True,
        stop="eos",
    ),
    Dialect(vendor=Vendor.VLLM, error=error_of, usage=usage_in_detail, reasoning="reasoning"),
    Dialect(vendor=Vendor.XAI, error=error_of, usage=_thinking_beside),
)
