"""Calls of tools as text, in the formats of several families, right and wrong."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from simulator.answers.tool_calls import PlannedToolCall

TEXT_FLAWS: Final = ("malformed", "truncated", "unknown-tool", "schema", "repairable", "intent")
"""What is wrong with a call: it is no JSON, is cut off, names no tool, has arguments that do not
fit, has a slip that can be mended (Python's literals), or is only announced."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How a model writes its calls."""

    form: str = "generic"
    """One of `FORMS`."""
    flaw: str | None = None
    """One of `TEXT_FLAWS`."""


def write_calls(calls: Sequence[PlannedToolCall], writing: Writing) -> str:
    """Return the text of an answer with calls, as a model with this habit writes it."""
    if writing.flaw == "intent":
        named = " and ".join(f"`{each.name}` with `{each.text}`" for each in calls)
        return f"Next I will call the tool {named} and then tell you what it gives."
    if writing.flaw == "unknown-tool":
        calls = [replace(each, name=f"no_{each.name}") for each in calls]
    elif writing.flaw == "schema":
        calls = [replace(each, arguments=_break_values(each.arguments)) for each in calls]
    bodies = [(each.name, _write_arguments(each.arguments, writing.flaw)) for each in calls]
    text = FORMS[writing.form](bodies)
    if writing.flaw == "truncated":
        cut = text.rindex(bodies[-1][1]) + max(1, len(bodies[-1][1]) // 2)
        return text[:cut]
    return text


def _break_values(arguments: JsonValue) -> JsonValue:
    """Return arguments of a type that no tool has."""
    names = arguments if isinstance(arguments, dict) else ["value"]
    return {name: [{"of": "the wrong type"}] for name in names}


def _write_arguments(value: JsonValue, flaw: str | None) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if flaw == "malformed":
        return '{"malformed": 5*11, "x": <the value from before>}'
    return repr(value) if flaw == "repairable" else text


def _write_named(name: str, arguments: str, key: str = "arguments") -> str:
    return f'{{"name": "{name}", "{key}": {arguments}}}'


_Bodies = Sequence[tuple[str, str]]
"""Names, and arguments as JSON text."""


def _write_hermes(calls: _Bodies) -> str:
    return "\n".join(f"<tool_call>\n{_write_named(*each)}\n</tool_call>" for each in calls)


def _write_qwen_xml(calls: _Bodies) -> str:
    return "\n".join(
        f"<tool_call>\n<function={name}>\n{_write_parameters(arguments)}</function>\n</tool_call>"
        for name, arguments in calls
    )


def _write_parameters(arguments: str) -> str:
    try:
        values = json.loads(arguments)
    except ValueError:
        values = None
    pairs = values.items() if isinstance(values, dict) else [("value", arguments)]
    return "".join(
        f"<parameter={name}>\n{_write_raw(value)}\n</parameter>\n" for name, value in pairs
    )


def _write_raw(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_llama(calls: _Bodies) -> str:
    """Without a marker, as servers strip the special token."""
    return "; ".join(_write_named(*each, key="parameters") for each in calls)


def _write_list(calls: _Bodies) -> str:
    return f"[{', '.join(_write_named(*each) for each in calls)}]"


def _write_generic(calls: _Bodies) -> str:
    return "\n".join(
        f"<tool_use>\ntool_name: {name}\narguments: {arguments}\n</tool_use>"
        for name, arguments in calls
    )


def _write_pythonic(calls: _Bodies) -> str:
    written = []
    for name, arguments in calls:
        try:
            values = json.loads(arguments)
        except ValueError:
            values = None
        pairs = values.items() if isinstance(values, dict) else [("value", arguments)]
        written.append(f"{name}({', '.join(f'{key}={value!r}' for key, value in pairs)})")
    return f"[{', '.join(written)}]"


def _write_deepseek(calls: _Bodies) -> str:
    inner = "".join(
        f"<\uff5ctool\u2581call\u2581begin\uff5c>{name}<\uff5ctool\u2581sep\uff5c>{arguments}<\uff5ctool\u2581call\u2581end\uff5c>"
        for name, arguments in calls
    )
    return f"<\uff5ctool\u2581calls\u2581begin\uff5c>{inner}<\uff5ctool\u2581calls\u2581end\uff5c>"


FORMS: Final[Mapping[str, Callable[[_Bodies], str]]] = {
    "hermes": _write_hermes,
    "qwen-xml": _write_qwen_xml,
    "llama": _write_llama,
    "python-tag": lambda calls: f"<|python_tag|>{_write_llama(calls)}",
    "mistral": lambda calls: f"[TOOL_CALLS] {_write_list(calls)}",
    "mistral-v11": lambda calls: "".join(f"[TOOL_CALLS]{name}[ARGS]{a}" for name, a in calls),
    "stripped": _write_list,
    "fenced": lambda calls: f"```json\n{_write_list(calls)}\n```",
    "functools": lambda calls: f"functools{_write_list(calls)}",
    "pythonic": _write_pythonic,
    "deepseek": _write_deepseek,
    "lm-studio": lambda calls: "\n".join(
        f"[TOOL_REQUEST]{_write_named(*each)}[END_TOOL_REQUEST]" for each in calls
    ),
    "generic": _write_generic,
}
"""Formats by name; `stripped` is Mistral's without its special token."""
