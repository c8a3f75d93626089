"""What model servers answer about a model, as facts. Malformed fields are as if they were absent.

Facts have the names of the fields of `OpenModel`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from providers.adapters.local.templates import find_family, find_prefix, mentions_tools
from providers.adapters.payload import get_count, get_mapping, get_text
from providers.catalogue.open_models import Facts
from providers.catalogue.schema import Reasoning

Kind: TypeAlias = Literal["text", "embedding", "rerank"]

_MAX_LABEL: Final = 40
_SIZE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,4})?)\s*([KMBT])\b", re.IGNORECASE)
_UNITS: Final = {"k": 1e-6, "m": 1e-3, "b": 1.0, "t": 1e3}
_MOST_PARAMETERS: Final = 1e14


@dataclass(frozen=True, slots=True)
class ProbedModel:
    """What a server told about one of its models."""

    facts: Facts = field(default_factory=dict)
    kind: Kind | None = None
    """What the model returns; None: the server does not tell."""


def parse_ollama_model(own_id: str, shown: Mapping[str, Any]) -> ProbedModel:
    """Return the facts of Ollama's `/api/show`."""
    info, details = get_mapping(shown, "model_info"), get_mapping(shown, "details")
    capabilities = _get_texts(shown, "capabilities")
    template = get_text(shown, "template") or ""
    architecture = get_text(info, "general.architecture") or ""
    has_tools, thinks = "tools" in capabilities, "thinking" in capabilities
    if not capabilities:  # an old server does not tell what a model can do, but its template does
        has_tools = mentions_tools(template)
    parts = (get_text(shown, "parser"), get_text(shown, "renderer"), own_id)
    facts = {
        "family": find_family(
            template, *filter(None, parts), get_text(details, "parent_model") or "", architecture
        ),
        "tool_mode": _choose_tool_mode(has_tools if capabilities or template else None),
        "context_window": get_count(info, f"{architecture}.context_length"),
        "inputs": _list_inputs("vision" in capabilities) if capabilities else None,
        "reasoning": _find_ollama_reasoning(shown, thinks=thinks) if capabilities else None,
        # Ollama separates the reasoning of models that it knows to think.
        "prefix": "" if thinks else find_prefix(template),
        "parameters": _to_billions(info.get("general.parameter_count"))
        or _parse_size(get_text(details, "parameter_size")),
        "quantization": _shorten(get_text(details, "quantization_level")),
        "is_remote": _find_remote(shown, is_described=bool(info or details or capabilities)),
    }
    kind: Kind | None = None
    if capabilities:
        writes = "completion" in capabilities or "embedding" not in capabilities
        kind = "text" if writes else "embedding"
    return ProbedModel(_drop_unknown(facts), kind)


def parse_ollama_loaded(answer: Mapping[str, Any]) -> frozenset[str]:
    """Return the models that are in memory, of Ollama's `/api/ps`."""
    return frozenset(
        text
        for row in _get_rows(answer, "models")
        for name in ("name", "model")
        if (text := get_text(row, name))
    )


def parse_lmstudio_models(answer: Mapping[str, Any]) -> dict[str, ProbedModel]:
    """Return the models of LM Studio's `/api/v1/models` by their keys and loaded instances."""
    found: dict[str, ProbedModel] = {}
    for row in _get_rows(answer, "models"):
        key, loaded = get_text(row, "key"), _get_rows(row, "loaded_instances")
        if not key:
            continue
        windows = {
            get_text(each, "id") or key: get_count(get_mapping(each, "config"), "context_length")
            for each in loaded
        }
        known = [window for window in windows.values() if window]
        # Under its key, any of its instances may answer.
        windows[key] = min(known, default=get_count(row, "max_context_length"))
        for name, window in windows.items():
            found[name] = _parse_lmstudio_model(key, row, window, is_loaded=bool(loaded))
    return found


def _parse_lmstudio_model(
    key: str, row: Mapping[str, Any], window: int | None, *, is_loaded: bool
) -> ProbedModel:
    capabilities = get_mapping(row, "capabilities")
    uses_tools, sees = capabilities.get("trained_for_tool_use"), capabilities.get("vision")
    facts = {
        "name": _shorten(get_text(row, "display_name")),
        "family": find_family("", key, get_text(row, "architecture") or ""),
        "tool_mode": _choose_tool_mode(uses_tools if isinstance(uses_tools, bool) else None),
        "context_window": window,
        "inputs": _list_inputs(sees) if isinstance(sees, bool) else None,
        "reasoning": _find_lmstudio_reasoning(get_mapping(capabilities, "reasoning")),
        "parameters": _parse_size(get_text(row, "params_string")),
        "quantization": _shorten(get_text(get_mapping(row, "quantization"), "name")),
        "loaded": is_loaded,
    }
    kind: Kind = "embedding" if row.get("type") == "embedding" else "text"
    return ProbedModel(_drop_unknown(facts), kind)


def parse_llamacpp_model(
    own_id: str, row: Mapping[str, Any], props: Mapping[str, Any]
) -> ProbedModel:
    """Return the facts of a row of llama.cpp's `/v1/models` and of its `/props`."""
    meta, caps = get_mapping(row, "meta"), get_mapping(props, "chat_template_caps")
    settings = get_mapping(props, "default_generation_settings")
    template = get_text(props, "chat_template") or ""
    path = get_text(props, "model_path") or ""
    has_tools = caps.get("supports_tools")
    if not isinstance(has_tools, bool):
        has_tools = mentions_tools(template) if template else None
    status = get_text(get_mapping(row, "status"), "value")
    is_asleep = props.get("is_sleeping") is True or status in {"unloaded", "sleeping", "loading"}
    seen = _get_texts(get_mapping(row, "architecture"), "input_modalities")
    modalities = get_mapping(props, "modalities")
    sees = "image" in seen or modalities.get("vision") is True
    facts = {
        "family": find_family(template, own_id, path),
        "tool_mode": _choose_tool_mode(has_tools),
        "context_window": get_count(settings, "n_ctx") or get_count(meta, "n_ctx"),
        "inputs": _list_inputs(sees) if seen or modalities else None,
        "prefix": find_prefix(template),
        "parameters": _to_billions(meta.get("n_params")),
        "quantization": _shorten(get_text(props, "model_ftype") or get_text(meta, "ftype")),
        "loaded": not is_asleep if props or status else None,
    }
    return ProbedModel(_drop_unknown(facts))


def parse_vllm_model(
    own_id: str, row: Mapping[str, Any], tokenizer: Mapping[str, Any]
) -> ProbedModel:
    """Return the facts of a row of vLLM's `/v1/models` and of its `/tokenizer_info`."""
    template = get_text(tokenizer, "chat_template") or ""
    facts = {
        "family": find_family(template, own_id, get_text(row, "root") or ""),
        "context_window": get_count(row, "max_model_len"),
        "prefix": find_prefix(template),
        "loaded": True,
    }
    return ProbedModel(_drop_unknown(facts))


def _find_remote(shown: Mapping[str, Any], *, is_described: bool) -> bool | None:
    """Return whether Ollama passes prompts on; not known if it says nothing of the model."""
    if get_text(shown, "remote_host") or get_text(shown, "remote_model"):
        return True
    return False if is_described else None


def _find_ollama_reasoning(shown: Mapping[str, Any], *, thinks: bool) -> Reasoning:
    """Return when a model reasons; Ollama lets it think unless it is told otherwise."""
    if not thinks:
        return "none"
    thinking = get_mapping(shown, "thinking")
    values = thinking.get("values")
    if isinstance(values, Sequence) and not isinstance(values, str) and values:
        if not any(value in (False, "none", "off") for value in values):
            return "always"
        if thinking.get("default") in (False, "none", "off"):
            return "optional"
    return "default-on"


def _find_lmstudio_reasoning(stated: Mapping[str, Any]) -> Reasoning | None:
    options = _get_texts(stated, "allowed_options")
    if not options:
        return None
    if options == ("off",):
        return "none"
    if "off" not in options:
        return "always"
    return "optional" if stated.get("default") == "off" else "default-on"


def _choose_tool_mode(has_tools: bool | None) -> str | None:
    return None if has_tools is None else ("structured" if has_tools else "text")


def _list_inputs(sees: bool) -> tuple[str, ...]:
    return ("text", "image") if sees else ("text",)


def _get_rows(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = holder.get(name)
    return [each for each in rows if isinstance(each, Mapping)] if isinstance(rows, list) else []


def _get_texts(holder: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = holder.get(name)
    return (
        tuple(each for each in values if isinstance(each, str)) if isinstance(values, list) else ()
    )


def _to_billions(count: object) -> float | None:
    if isinstance(count, bool) or not isinstance(count, int | float):
        return None
    return round(count / 1e9, 3) if 0 < count <= _MOST_PARAMETERS else None  # NaN is neither


def _parse_size(label: str | None) -> float | None:
    """Return the billions of parameters of a label such as `8.0B` or `135M`."""
    found = _SIZE.search(label or "")
    if found is None:
        return None
    return _to_billions(float(found[1]) * _UNITS[found[2].lower()] * 1e9)


def _shorten(label: str | None) -> str | None:
    """Return a label that can be shown, else None."""
    if not label or not label.isprintable() or label.casefold() == "unknown":
        return None
    return label[:_MAX_LABEL]


def _drop_unknown(facts: Mapping[str, Any]) -> dict[str, Any]:
    unknown = (None, "", "auto", 0)
    return {name: fact for name, fact in facts.items() if fact not in unknown or fact is False}
