"""The open-weight models that local servers have, and what others are, as their names tell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.local.call_texts import FORMS, TEXT_FLAWS, Writing
from simulator.planned import is_reasoning_model
from simulator.request import Vendor

_WRITES: Final = re.compile(
    rf"writes-(?P<form>{'|'.join(sorted(FORMS, key=len, reverse=True))})"
    rf"(?:-(?P<flaw>{'|'.join(TEXT_FLAWS)}))?(?![a-z])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """What a server tells of a model."""

    name: str
    architecture: str
    parameters: int
    context: int
    quantization: str = "Q4_K_M"
    template: str = "hermes"
    """One of `TEMPLATES`."""
    thinks: bool = False
    sees: bool = False
    embeds: bool = False
    license: str = "Apache License 2.0"

    @property
    def calls_tools(self) -> bool:
        """Whether its template has tools."""
        return self.template != "plain" and not self.embeds

    @property
    def capabilities(self) -> list[str]:
        """Its abilities in Ollama's words."""
        if self.embeds:
            return ["embedding"]
        each = {"tools": self.calls_tools, "thinking": self.thinks, "vision": self.sees}
        return ["completion", *(name for name, has in each.items() if has)]

    @property
    def size_label(self) -> str:
        """Its number of parameters, such as 8.2B."""
        if self.parameters < 10**9:
            return f"{self.parameters / 10**6:.2f}M"
        return f"{self.parameters / 10**9:.1f}B"

    @property
    def bytes(self) -> int:
        """The size of its file."""
        bits = 16 if self.quantization in {"F16", "BF16"} else 4.8
        return int(self.parameters * bits / 8)


_QWEN: Final = ServedModel(
    name="qwen3:8b", architecture="qwen3", parameters=8_190_735_360, context=40_960, thinks=True
)
OLLAMA_MODELS: Final = (
    _QWEN,
    ServedModel(
        name="llama3.1:8b",
        architecture="llama",
        parameters=8_030_261_312,
        context=131_072,
        template="llama",
        license="LLAMA 3.1 COMMUNITY LICENSE AGREEMENT",
    ),
    ServedModel(
        name="mistral:7b",
        architecture="llama",
        parameters=7_248_023_552,
        context=32_768,
        template="mistral",
    ),
    ServedModel(
        name="gemma3:4b",
        architecture="gemma3",
        parameters=4_299_915_632,
        context=131_072,
        template="plain",
        sees=True,
        license="Gemma Terms of Use",
    ),
    ServedModel(
        name="deepseek-r1:1.5b",
        architecture="qwen2",
        parameters=1_777_088_000,
        context=131_072,
        template="plain",
        thinks=True,
        license="MIT License",
    ),
    ServedModel(
        name="smollm2:135m",
        architecture="llama",
        parameters=134_515_008,
        context=8_192,
        quantization="F16",
        template="plain",
    ),
    ServedModel(
        name="nomic-embed-text:latest",
        architecture="nomic-bert",
        parameters=136_727_040,
        context=2_048,
        quantization="F16",
        embeds=True,
    ),
)
LMSTUDIO_MODELS: Final = (
    ServedModel(
        name="qwen/qwen3-8b",
        architecture="qwen3",
        parameters=8_190_735_360,
        context=40_960,
        thinks=True,
    ),
    ServedModel(
        name="google/gemma-3-4b",
        architecture="gemma3",
        parameters=4_299_915_632,
        context=131_072,
        template="plain",
        sees=True,
    ),
    ServedModel(
        name="text-embedding-nomic-embed-text-v1.5",
        architecture="nomic-bert",
        parameters=136_727_040,
        context=2_048,
        embeds=True,
    ),
)
VLLM_MODELS: Final = (
    ServedModel(
        name="Qwen/Qwen3-8B",
        architecture="qwen3",
        parameters=8_190_735_360,
        context=40_960,
        quantization="BF16",
        thinks=True,
    ),
)
LLAMACPP_MODELS: Final[Mapping[str, ServedModel]] = {
    "": ServedModel(
        name="/srv/models/Qwen3-8B-Q4_K_M.gguf",
        architecture="qwen3",
        parameters=8_190_735_360,
        context=16_384,
        thinks=True,
    ),
    "/plain": ServedModel(
        name="/srv/models/SmolLM2-135M-Instruct.Q4_1.gguf",
        architecture="llama",
        parameters=134_515_008,
        context=8_192,
        quantization="Q4_1",
        template="plain",
    ),
}
"""The one model of each server, by what its path has after /llamacpp."""

MLX_MODELS: Final = (
    ServedModel(
        name="mlx-community/Qwen3-4B-4bit",
        architecture="qwen3",
        parameters=4_022_468_096,
        context=40_960,
        thinks=True,
    ),
)
LOCAL_MODELS: Final[Mapping[Vendor, Sequence[ServedModel]]] = {
    Vendor.LLAMACPP: tuple(LLAMACPP_MODELS.values()),
    Vendor.LMSTUDIO: LMSTUDIO_MODELS,
    Vendor.MLX: MLX_MODELS,
    Vendor.OLLAMA: OLLAMA_MODELS,
    Vendor.VLLM: VLLM_MODELS,
}
_KNOWN: Final = {
    (vendor, model.name): model for vendor, models in LOCAL_MODELS.items() for model in models
}

TEMPLATES: Final[Mapping[str, str]] = {
    "hermes": (
        "{%- if tools %}<|im_start|>system\n# Tools\n{%- for tool in tools %}{{ tool | tojson }}"
        "{%- endfor %}\nFor each function call, return a json object within <tool_call></tool_call>"
        ' XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n'
        "</tool_call><|im_end|>\n{%- endif %}{%- for message in messages %}<|im_start|>"
        "{{ message.role }}\n{{ message.content }}{%- for tool_call in message.tool_calls %}"
        '<tool_call>\n{"name": "{{ tool_call.name }}", "arguments": '
        "{{ tool_call.arguments | tojson }}}\n</tool_call>{%- endfor %}<|im_end|>\n{%- endfor %}"
    ),
    "plain": (
        "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
        "<|im_end|>\n{%- endfor %}<|im_start|>assistant\n"
    ),
}
"""Jinja templates, as llama.cpp shows them."""

GO_TEMPLATES: Final[Mapping[str, str]] = {
    "hermes": (
        '{{- if .Tools }}<|im_start|>system\n# Tools\n{{ range .Tools }}{"type": "function", '
        '"function": {{ .Function }}}{{ end }}\n<tool_call>\n{"name": <function-name>, "arguments":'
        " <args-json-object>}\n</tool_call><|im_end|>\n{{- end }}{{- range .Messages }}<|im_start|>"
        '{{ .Role }}\n{{ .Content }}{{ range .ToolCalls }}<tool_call>\n{"name": "'
        '{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}\n</tool_call>{{ end }}'
        "<|im_end|>\n{{- end }}"
    ),
    "llama": (
        "{{- if .Tools }}Cutting Knowledge Date: December 2023\n{{- end }}{{- range .Messages }}"
        "<|start_header_id|>{{ .Role }}<|end_header_id|>{{- if .ToolCalls }}<|python_tag|>"
        '{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "parameters": '
        "{{ .Function.Arguments }}}{{ end }}{{- else }}{{ .Content }}{{- end }}<|eot_id|>{{- end }}"
    ),
    "mistral": (
        "{{- range .Messages }}{{- if $.Tools }}[AVAILABLE_TOOLS] {{ $.Tools }}[/AVAILABLE_TOOLS]"
        "{{- end }}[INST] {{ .Content }}[/INST]{{- if .ToolCalls }}[TOOL_CALLS] ["
        '{{- range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": '
        "{{ .Function.Arguments }}}{{- end }}]</s>{{- end }}{{- end }}"
    ),
    "plain": (
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
        "<|im_start|>assistant\n"
    ),
}
"""Go templates, as Ollama shows them."""


def find_model(vendor: Vendor, name: str) -> ServedModel:
    """Return a known model, or what the name of another one tells.

    `no-tools` in a name stands for a template without tools, `no-thinking` for no reasoning,
    `ctx4k` for 4,096 tokens.
    """
    known = _KNOWN.get((vendor, name)) or _KNOWN.get((vendor, f"{name}:latest"))
    if known is not None:
        return known
    context = re.search(r"ctx(\d{1,3})k", name)
    return ServedModel(
        name=name,
        architecture="llama",
        parameters=8_030_261_312,
        context=int(context[1]) * 1024 if context else 131_072,
        template="plain" if "no-tools" in name else "hermes",
        thinks="no-thinking" not in name and is_reasoning_model(name),
        embeds="embed" in name,
    )


def find_writing(model: str) -> Writing | None:
    """Return how a model writes calls, as its name tells: `writes-hermes-malformed` for example."""
    found = _WRITES.search(model)
    return Writing(found["form"], found["flaw"]) if found else None
