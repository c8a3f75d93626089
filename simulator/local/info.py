"""What servers of open-weight models tell of themselves and their models."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from simulator.formats.base import StatusError
from simulator.local.models import (
    GO_TEMPLATES,
    LLAMACPP_MODELS,
    LMSTUDIO_MODELS,
    TEMPLATES,
    VLLM_MODELS,
    ServedModel,
    find_model,
)
from simulator.local.ollama import CREATED, ServedModels
from simulator.request import Vendor

OLLAMA_VERSION: Final = "0.32.6"
VLLM_VERSION: Final = "0.33.0"
_LAYERS: Final = 3
_LAYER_STEPS: Final = 4


def _build_details(model: ServedModel) -> dict[str, JsonValue]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.architecture,
        "families": [model.architecture],
        "parameter_size": model.size_label,
        "quantization_level": model.quantization,
    }


def _build_digest(model: ServedModel) -> str:
    return f"{model.parameters:064x}"


class OllamaInfo:
    """Answers of Ollama's paths but /api/chat; each takes the body of the request."""

    def __init__(self, store: ServedModels) -> None:
        self._store = store

    def _list_models(self) -> Iterator[ServedModel]:
        return (find_model(Vendor.OLLAMA, name) for name in self._store.pulled)

    def get_version(self, _body: bytes) -> JsonValue:
        """Answer GET /api/version."""
        return {"version": OLLAMA_VERSION}

    def list_tags(self, _body: bytes) -> JsonValue:
        """Answer GET /api/tags."""
        return {
            "models": [
                {
                    "name": model.name,
                    "model": model.name,
                    "modified_at": CREATED,
                    "size": model.bytes,
                    "digest": _build_digest(model),
                    "details": _build_details(model),
                }
                for model in self._list_models()
            ]
        }

    def list_openai_models(self, _body: bytes) -> JsonValue:
        """Answer GET /v1/models."""
        return build_list([model.name for model in self._list_models()], "library")

    def list_loaded(self, _body: bytes) -> JsonValue:
        """Answer GET /api/ps."""
        loaded = [
            (find_model(Vendor.OLLAMA, name), context)
            for name, context in self._store.loaded.items()
        ]
        return {
            "models": [
                {
                    "name": model.name,
                    "model": model.name,
                    "size": model.bytes,
                    "digest": _build_digest(model),
                    "details": _build_details(model),
                    "expires_at": "2318-11-01T09:30:00Z",
                    "size_vram": 0,
                    "context_length": context,
                }
                for model, context in loaded
            ]
        }

    def show(self, body: bytes) -> JsonValue:
        """Answer POST /api/show."""
        name = read_name(body)
        self._store.check(name)
        model = find_model(Vendor.OLLAMA, name)
        kind = model.architecture
        shown: dict[str, JsonValue] = {
            "license": model.license,
            "modelfile": f"FROM {model.name}\n",
            "parameters": 'stop                           "<|im_end|>"',
            "template": GO_TEMPLATES[model.template],
            "details": _build_details(model),
            "model_info": {
                "general.architecture": kind,
                "general.basename": model.name.partition(":")[0],
                "general.file_type": 15,
                "general.parameter_count": model.parameters,
                "general.quantization_version": 2,
                f"{kind}.block_count": 32,
                f"{kind}.context_length": model.context,
                f"{kind}.embedding_length": 4096,
                "tokenizer.ggml.model": "gpt2",
                "tokenizer.ggml.tokens": None,
            },
            "capabilities": [*model.capabilities],
            "modified_at": CREATED,
        }
        return shown

    def remove(self, body: bytes) -> JsonValue:
        """Answer DELETE /api/delete."""
        self._store.remove(read_name(body))
        return {}

    def iter_pull(self, name: str) -> Iterator[dict[str, JsonValue]]:
        """Yield the progress of a pull, which adds the model at its end."""
        yield {"status": "pulling manifest"}
        if "no-such-model" in name:
            yield {"error": "pull model manifest: file does not exist"}
            return
        total = find_model(Vendor.OLLAMA, name).bytes // _LAYERS
        for layer in range(_LAYERS):
            digest = f"{layer + 1:012x}"
            for step in range(_LAYER_STEPS + 1):
                line: dict[str, JsonValue] = {
                    "status": f"pulling {digest}",
                    "digest": f"sha256:{digest:0>64}",
                    "total": total,
                }
                # Ollama leaves out zeros.
                yield {**line, "completed": total * step // _LAYER_STEPS} if step else line
        for status in ("verifying sha256 digest", "writing manifest", "success"):
            if status == "success":
                self._store.pull(name)
            yield {"status": status}


def read_name(body: bytes) -> str:
    """Return the model that a body names; raise `StatusError` if there is none."""
    try:
        request = json.loads(body)
    except ValueError as error:
        raise StatusError(400, f"invalid JSON: {error}") from error
    name = request.get("model") or request.get("name") if isinstance(request, dict) else None
    if not isinstance(name, str):
        raise StatusError(400, "model is required")
    return name


def get_llamacpp_props(kind: str) -> JsonValue:
    """Return the body of llama.cpp's GET /props; `kind` is a key of `LLAMACPP_MODELS`."""
    model = LLAMACPP_MODELS[kind]
    caps: dict[str, JsonValue] = dict.fromkeys(
        ("supports_tools", "supports_tool_calls", "supports_parallel_tool_calls"), model.calls_tools
    )
    return {
        "default_generation_settings": {
            "id": 0,
            "id_task": -1,
            "n_ctx": model.context,
            "speculative": False,
            "is_processing": False,
            "params": {"temperature": 0.8, "top_p": 0.95, "n_predict": -1},
            "prompt": "",
        },
        "total_slots": 2,
        "model_alias": model.name,
        "model_path": model.name,
        "modalities": {"vision": model.sees, "audio": False},
        "chat_template": TEMPLATES[model.template],
        "chat_template_caps": {
            **caps,
            "supports_system_role": True,
            "supports_preserve_reasoning": model.thinks,
        },
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "build_info": "b9378-09e7b76c9",
        "is_sleeping": False,
    }


def list_llamacpp_models(kind: str) -> JsonValue:
    """Return the body of llama.cpp's GET /v1/models: ids are the paths of files."""
    model = LLAMACPP_MODELS[kind]
    meta: JsonValue = {
        "vocab_type": 2,
        "n_vocab": 49_152,
        "n_ctx_train": model.context,
        "n_embd": 4096,
        "n_params": model.parameters,
        "size": model.bytes,
    }
    row: dict[str, JsonValue] = {
        "id": model.name,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "llamacpp",
        "meta": meta,
    }
    old: JsonValue = {"name": model.name, "model": model.name, "capabilities": ["completion"]}
    return {"models": [old], "object": "list", "data": [row]}


def list_vllm_models() -> JsonValue:
    """Return the body of vLLM's GET /v1/models."""
    return {
        "object": "list",
        "data": [
            {
                "id": model.name,
                "object": "model",
                "created": 1_700_000_000,
                "owned_by": "vllm",
                "root": model.name,
                "parent": None,
                "max_model_len": model.context,
                "permission": [],
            }
            for model in VLLM_MODELS
        ],
    }


def list_lmstudio_models() -> JsonValue:
    """Return the body of LM Studio's GET /api/v1/models; the first one is loaded."""
    return {
        "models": [
            _build_lmstudio_model(model, is_loaded=place == 0)
            for place, model in enumerate(LMSTUDIO_MODELS)
        ]
    }


def _build_lmstudio_model(model: ServedModel, *, is_loaded: bool) -> JsonValue:
    publisher, _, short = model.name.rpartition("/")
    instance: JsonValue = {
        "id": model.name,
        "config": {"context_length": 8192, "eval_batch_size": 512, "flash_attention": True},
    }
    row: dict[str, JsonValue] = {
        "type": "embedding" if model.embeds else "llm",
        "publisher": publisher or "nomic-ai",
        "key": model.name,
        "display_name": short,
        "architecture": model.architecture,
        "quantization": {"name": model.quantization, "bits_per_weight": 4},
        "size_bytes": model.bytes,
        "params_string": model.size_label,
        "loaded_instances": [instance] if is_loaded else [],
        "max_context_length": model.context,
        "format": "gguf",
    }
    if model.embeds:
        return row
    abilities: dict[str, JsonValue] = {
        "vision": model.sees,
        "trained_for_tool_use": model.calls_tools,
    }
    if model.thinks:
        abilities["reasoning"] = {"allowed_options": ["off", "on"], "default": "on"}
    return {**row, "capabilities": abilities, "description": None}


def build_list(names: Sequence[str], owner: str) -> JsonValue:
    """Build the body of GET /v1/models."""
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": owner}
            for name in names
        ],
    }
