"""The formats as a table: markers around calls, and tokens of chat templates.

A marker opens a block for models of every family, since fine-tuned models drift (R17). The family
decides which calls count without a marker.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final


@dataclass(frozen=True, slots=True)
class Format:
    """What is around a call, and how it is written between the markers."""

    name: str
    opens: tuple[str, ...]
    closes: tuple[str, ...] = ()
    grammar: str = "items"
    """items (JSON, Python calls or tagged parameters), named (a name, then JSON), gemma, generic,
    section (blocks of other formats), keyed ([{name: arguments}]) or fenced."""
    keeps_marker: bool = False
    """Whether the marker is a part of the call."""
    needs_line: bool = False
    """Whether the marker counts at the beginning of a line only."""
    may_stay_open: bool = False
    """Whether models leave the closing marker out."""


def _vary(*literals: str) -> tuple[str, ...]:
    """Return special tokens of DeepSeek in all spellings that models use."""
    spellings: dict[str, None] = {}
    for literal in literals:
        for bar in ("｜", "|"):
            for gap in ("▁", "_"):
                spellings[literal.replace("｜", bar).replace("▁", gap)] = None
    return tuple(spellings)


SEPARATORS: Final = _vary("<｜tool▁sep｜>")
ARGUMENTS_BEGIN: Final = ("<|tool_call_argument_begin|>", "[ARGS]")
CALL_ID: Final = "[CALL_ID]"
_DSML: Final = ("｜DSML｜", "|DSML|")

FORMATS: Final = (
    Format("hermes_json", ("<tool_call>", "<tool_calls_begin>"), ("</tool_call>",)),
    Format("seed_xml", ("<seed:tool_call>",), ("</seed:tool_call>",)),
    Format("qwen_tools", ("<tools>",), ("</tools>",)),
    Format(
        "qwen3_xml",
        ("<function=", "<function name="),
        ("</tool_call>",),
        keeps_marker=True,
        may_stay_open=True,
    ),
    Format(
        "minimax_m2",
        ("<invoke name=",),
        ("</minimax:tool_call>",),
        keeps_marker=True,
        may_stay_open=True,
    ),
    Format("minimax_section", ("<minimax:tool_call>",), ("</minimax:tool_call>",)),
    Format("step3", ("<steptml:invoke name=",), keeps_marker=True),
    Format("dsml", tuple(f"<{bar}invoke name=" for bar in _DSML), keeps_marker=True),
    Format(
        "dsml_section",
        tuple(f"<{bar}{name}>" for bar in _DSML for name in ("function_calls", "tool_calls")),
        tuple(f"</{bar}{name}>" for bar in _DSML for name in ("function_calls", "tool_calls")),
    ),
    Format("llama3_json", ("<|python_tag|>",)),
    Format("pythonic_tagged", ("<|python_start|>",), ("<|python_end|>",)),
    Format("olmo", ("<function_calls>",), ("</function_calls>",)),
    Format("lfm2", ("<|tool_call_start|>",), ("<|tool_call_end|>",)),
    Format("mistral", ("[TOOL_CALLS]",), ("[/TOOL_CALLS]",), "named", may_stay_open=True),
    Format("functools", ("functools[", "functools ["), keeps_marker=True),
    Format(
        "tool_call_list",
        ("<|tool_call|>",),
        ("<|/tool_call|>", "</|tool_call|>"),
        may_stay_open=True,
    ),
    Format(
        "deepseek_section",
        _vary("<｜tool▁calls▁begin｜>"),
        _vary("<｜tool▁calls▁end｜>"),
        "section",
    ),
    Format("deepseek", _vary("<｜tool▁call▁begin｜>"), _vary("<｜tool▁call▁end｜>"), "named"),
    Format(
        "kimi_section",
        ("<|tool_calls_section_begin|>",),
        ("<|tool_calls_section_end|>",),
        "section",
    ),
    Format("hunyuan", ("<tool_calls>",), ("</tool_calls>",)),
    Format("granite20b", ("<function_call>",), ("</function_call>",), may_stay_open=True),
    Format("internlm", ("<|action_start|><|plugin|>", "<|action_start|>"), ("<|action_end|>",)),
    Format("nemotron", ("<TOOLCALL>",), ("</TOOLCALL>",)),
    Format("apertus", ("<|tools_prefix|>",), ("<|tools_suffix|>",), "keyed"),
    Format("cohere", ("<|START_ACTION|>",), ("<|END_ACTION|>",)),
    Format("cohere_action", ("Action:",), needs_line=True, grammar="fenced"),
    Format("gemma_code", ("```tool_code", "```tool_call"), ("```",), needs_line=True),
    Format("gemma_function", ("<start_function_call>",), ("<end_function_call>",), "gemma"),
    Format("gemma4", ("<|tool_call>",), ("<tool_call|>",), "gemma"),
    Format("lm_studio", ("[TOOL_REQUEST]",), ("[END_TOOL_REQUEST]",)),
    Format("generic_tool_use", ("<tool_use>",), ("</tool_use>",), "generic"),
)


@dataclass(frozen=True, slots=True)
class Tags:
    """How a format tags parameters."""

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    parameter_opens: tuple[str, ...]
    parameter_closes: tuple[str, ...]


_PARAMETERS: Final = ("<parameter name=", "<parameter=", "<param name=", "<param=")
TAGS: Final = (
    Tags(
        ("<function name=", "<function="),
        ("</function>",),
        _PARAMETERS,
        ("</parameter>", "</param>"),
    ),
    Tags(("<invoke name=",), ("</invoke>",), _PARAMETERS, ("</parameter>", "</param>")),
    Tags(
        ("<steptml:invoke name=",),
        ("</steptml:invoke>",),
        ("<steptml:parameter name=",),
        ("</steptml:parameter>",),
    ),
    *(
        Tags(
            (f"<{bar}invoke name=",),
            (f"</{bar}invoke>",),
            (f"<{bar}parameter name=",),
            (f"</{bar}parameter>",),
        )
        for bar in _DSML
    ),
)
TAG_OPENS: Final = tuple(each for tags in TAGS for each in tags.opens)

REASONING: Final = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|channel>thought": "<channel|>",
}
END_OF_TURN: Final = (
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|return|>",
    "<|call|>", "<|end|>", "<end_of_turn>", "<turn|>", "<eos>", "</s>", "<|END_OF_TURN_TOKEN|>",
    "<|user|>", "<|observation|>", "<|system|>", "[e~[", "<|start_header_id|>",
    "<start_of_turn>", "<|role_end|>", "<|im_start|>user", "<|im_start|>system",
    "<|im_start|>tool", *_vary("<｜end▁of▁sentence｜>"), *_vary("<｜User｜>"),
)  # fmt: skip
RESULTS: Final = (
    "<tool_response", "<tool_result", "<tool_output", "<function_response", "<function_result",
    "[TOOL_RESULTS]", "<start_function_response>", "<|tool_response>", "<|START_TOOL_RESULT|>",
    *_vary("<｜tool▁outputs▁begin｜>"), *_vary("<｜tool▁output▁begin｜>"),
)  # fmt: skip
"""What a model invents after a call."""
CONTROL: Final = (
    "<|start_header_id|>assistant<|end_header_id|>", "<|im_start|>assistant", "<|im_start|>",
    "<start_of_turn>model", "<|assistant|>", "<bos>", "<|begin_of_text|>", "<|startoftext|>",
    "<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>",
    "<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>", *_vary("<｜Assistant｜>"),
)  # fmt: skip
HARMONY: Final = ("<|channel|>", "<|start|>")


class Kind(StrEnum):
    """The meaning of a literal in the text of an answer."""

    OPEN = auto()
    CLOSE = auto()
    REASON = auto()
    REASON_END = auto()
    END = auto()
    RESULT = auto()
    CONTROL = auto()
    HARMONY = auto()
    CODE = auto()
    LINE = auto()


def _build_kinds() -> dict[str, Kind]:
    kinds = {"`": Kind.CODE, "~~~": Kind.CODE, "\n": Kind.LINE}
    table: tuple[tuple[Iterable[str], Kind], ...] = (
        ((each for row in FORMATS for each in row.closes if each != "```"), Kind.CLOSE),
        ((each for tags in TAGS for each in tags.closes), Kind.CLOSE),
        ((each for row in FORMATS for each in row.opens), Kind.OPEN),
        (REASONING, Kind.REASON),
        (REASONING.values(), Kind.REASON_END),
        (END_OF_TURN, Kind.END),
        (RESULTS, Kind.RESULT),
        (CONTROL, Kind.CONTROL),
        (HARMONY, Kind.HARMONY),
    )
    for literals, kind in table:
        kinds.update(dict.fromkeys(literals, kind))
    return kinds


def _build_pattern(literals: Iterable[str]) -> str:
    """Return a pattern of the longest literal, which looks at each character once."""
    branches: dict[str, list[str]] = {}
    is_whole = False
    for literal in literals:
        if literal:
            branches.setdefault(literal[0], []).append(literal[1:])
        else:
            is_whole = True
    if not branches:
        return ""
    parts = [re.escape(first) + _build_pattern(rests) for first, rests in branches.items()]
    if len(parts) == 1 and not is_whole:
        return parts[0]
    return f"(?:{'|'.join(parts)}){'?' if is_whole else ''}"


KINDS: Final = _build_kinds()
BY_OPEN: Final = {each: row for row in FORMATS for each in row.opens}
OPENS: Final = tuple(sorted(BY_OPEN, key=len, reverse=True))


class Literals:
    """Literals that are looked for in a text."""

    def __init__(self, literals: Iterable[str]) -> None:
        known = tuple(literals)
        self.trigger: Final = re.compile(_build_pattern(known))
        self.prefixes: Final = frozenset(
            each[:end] for each in known for end in range(1, len(each))
        )
        """Proper prefixes of literals: text that ends in one is held back."""
        firsts = {each[0] for each in known}
        self.first: Final = re.compile(f"[{''.join(re.escape(each) for each in firsts)}]")
        self.longest: Final = max(map(len, known))


EVERYTHING: Final = Literals(KINDS)
THOUGHTS: Final = Literals(
    each
    for each, kind in KINDS.items()
    if kind in {Kind.REASON, Kind.REASON_END, Kind.CODE, Kind.LINE}
)
"""What separates reasoning from an answer, and the code in which none of it counts."""
TRIGGER: Final = EVERYTHING.trigger
PREFIXES: Final = EVERYTHING.prefixes
LONGEST: Final = EVERYTHING.longest
ALL_CLOSES: Final = tuple(
    sorted((each for each, kind in KINDS.items() if kind is Kind.CLOSE), key=len, reverse=True)
)
ENDS: Final = tuple(sorted((*END_OF_TURN, *RESULTS, *CONTROL), key=len, reverse=True))


class Unmarked(StrEnum):
    """Forms that count without a marker."""

    JSON = auto()
    PYTHON = auto()
    NAMED = auto()


_PYTHONIC: Final = ("llama", "olmo", "lfm", "toolace", "gemma", "pythonic", "deepseek-coder")


def list_unmarked(family: str) -> frozenset[Unmarked]:
    """Return the unmarked forms of a family of models."""
    name = family.lower()
    forms = {Unmarked.JSON}
    if name.startswith(_PYTHONIC):
        forms.add(Unmarked.PYTHON)
    if name.startswith("glm"):
        forms.add(Unmarked.NAMED)
    return frozenset(forms)
