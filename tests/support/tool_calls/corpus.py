"""Answers of models in each format, by its grammar, and what they hold by construction."""

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Call = tuple[str, dict[str, Any]]
Render = Callable[[str, dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and what an extraction must find in it."""

    text: str
    tools: list[dict[str, Any]]
    content: str
    reasoning: str
    calls: list[Call]


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a format writes calls one after the other."""

    render: Render
    opener: str = ""
    joiner: str = "\n"
    closer: str = ""
    is_untyped: bool = False

    def write(self, calls: Sequence[Call]) -> str:
        return self.opener + self.joiner.join(self.render(*call) for call in calls) + self.closer


def _json(pattern: str) -> Render:
    def render(name: str, arguments: dict[str, Any]) -> str:
        written = json.dumps(arguments, ensure_ascii=len(name) % 2 == 0)
        return pattern.replace("NAME", name).replace("ARGS", written)

    return render


def _tagged(opener: str, parameter: str, closer: str) -> Render:
    def render(name: str, arguments: dict[str, Any]) -> str:
        parts = [
            parameter.replace("KEY", key).replace(
                "VALUE", value if isinstance(value, str) else json.dumps(value)
            )
            for key, value in arguments.items()
        ]
        return opener.replace("NAME", name) + "".join(parts) + closer

    return render


def _python(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


_OBJECT = '{"name": "NAME", "arguments": ARGS}'
_V3 = (
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n```json\nARGS\n```<｜tool▁call▁end｜>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
)
_INVOKE = ('<invoke name="NAME">\n', '<parameter name="KEY">VALUE</parameter>\n', "</invoke>")
_XML = ("<function=NAME>\n", "<parameter=KEY>\nVALUE\n</parameter>\n", "</function>")
_KIMI = "<|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>ARGS<|tool_call_end|>"
_GLM = "<arg_key>KEY</arg_key>\n<arg_value>VALUE</arg_value>\n"

GRAMMARS: dict[str, Grammar] = {
    "hermes": Grammar(_json(f"<tool_call>\n{_OBJECT}\n</tool_call>")),
    "llama3": Grammar(
        _json('{"name": "NAME", "parameters": ARGS}'), "<|python_tag|>", "; ", "<|eom_id|>"
    ),
    "llama3_function": Grammar(_json("<function=NAME>ARGS</function>")),
    "mistral": Grammar(_json(_OBJECT), "[TOOL_CALLS] [", ", ", "]"),
    "mistral_v11": Grammar(
        lambda name, arguments: f"[TOOL_CALLS]{name}[ARGS]{json.dumps(arguments)}", joiner=""
    ),
    "phi": Grammar(_json(_OBJECT), "functools[", ", ", "]"),
    "deepseek_v3": Grammar(_json(_V3[0]), _V3[1], "\n", _V3[2]),
    "deepseek_v31": Grammar(
        _json("<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>ARGS<｜tool▁call▁end｜>"), _V3[1], "", _V3[2]
    ),
    "kimi": Grammar(
        _json(_KIMI), "<|tool_calls_section_begin|>", "", "<|tool_calls_section_end|>"
    ),
    "generic": Grammar(_json("<tool_use>\ntool_name: NAME\narguments: ARGS\n</tool_use>")),
    "lm_studio": Grammar(_json(f"[TOOL_REQUEST]{_OBJECT}[END_TOOL_REQUEST]")),
    "cohere": Grammar(
        _json('{"tool_call_id": "0", "tool_name": "NAME", "parameters": ARGS}'),
        "<|START_ACTION|>[", ", ", "]<|END_ACTION|>",
    ),
    "hunyuan": Grammar(_json(_OBJECT), "<tool_calls>[", ", ", "]</tool_calls>"),
    "nemotron": Grammar(_json(_OBJECT), "<TOOLCALL>[", ", ", "]</TOOLCALL>"),
    "internlm": Grammar(_json(f"<|action_start|><|plugin|>\n{_OBJECT}<|action_end|>")),
    "granite": Grammar(_json(_OBJECT), "<|tool_call|>[", ", ", "]"),
    "qwen3_xml": Grammar(
        _tagged("<tool_call>\n" + _XML[0], _XML[1], _XML[2] + "\n</tool_call>"), is_untyped=True
    ),
    "minimax": Grammar(
        _tagged(*_INVOKE), "<minimax:tool_call>\n", "\n", "\n</minimax:tool_call>", is_untyped=True
    ),
    "glm": Grammar(_tagged("<tool_call>NAME\n", _GLM, "</tool_call>"), is_untyped=True),
    "llama4": Grammar(_python, "<|python_start|>[", ", ", "]<|python_end|>"),
    "lfm2": Grammar(_python, "<|tool_call_start|>[", ", ", "]<|tool_call_end|>"),
    "olmo": Grammar(_python, "<function_calls>\n", "\n", "\n</function_calls>"),
    "harmony": Grammar(
        _json(
            "<|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json"
            "<|message|>ARGS<|call|>"
        ),
        joiner="",
    ),
}  # fmt: skip

_NAMES = st.text(string.ascii_lowercase + "_", min_size=3, max_size=12).map(lambda name: f"t{name}")
_PROSE = st.text(string.ascii_letters + " .,!?éß\n", max_size=60)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | _TEXTS
_FLOATS = st.floats(-1e9, 1e9, allow_nan=False).filter(
    lambda number: number == 0 or abs(number) > 1e-9
)
_VALUES = st.recursive(
    _SCALARS | _FLOATS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_TAGGED_TEXTS = st.text(string.printable.replace("<", "") + "é｜", max_size=40).map(
    lambda text: text.strip("\r\n")
)


@st.composite
def answers(draw: st.DrawFn, grammar: Grammar) -> Answer:
    """Return answers of a format: text around parallel calls, reasoning before them."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
    calls: list[Call] = []
    for _ in range(draw(st.integers(1, 3))):
        keys = draw(st.lists(_NAMES, max_size=3, unique=True))
        values = _TAGGED_TEXTS if grammar.is_untyped else _VALUES
        calls.append((draw(st.sampled_from(names)), {key: draw(values) for key in keys}))
    parameters: dict[str, Any] = {"type": "object"}
    if grammar.is_untyped:
        parameters["additionalProperties"] = {"type": "string"}
        declared = {key for _, arguments in calls for key in arguments}
        parameters["properties"] = {key: {"type": "string"} for key in declared}
    tools = [
        {"type": "function", "function": {"name": name, "parameters": parameters}} for name in names
    ]
    before, reasoning = draw(_PROSE), draw(_PROSE) if draw(st.booleans()) else ""
    if "<|channel|>" in grammar.write(calls[:1]):
        reasoning, head = "", f"<|channel|>commentary<|message|>{before}<|end|>"
    else:
        head = (f"<think>{reasoning}</think>" if reasoning else "") + before
    return Answer(f"{head}\n{grammar.write(calls)}", tools, before, reasoning, calls)
