"""The formats as a table: markers around calls, and tokens of chat templates.

A marker opens a block for models of every family, since fine-tuned models drift (R17). The family
decides which calls count without a marker.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cached_property
from typing import Final


@dataclass(frozen=True, slots=True)
class Format:
    """What is around a call, and how it is written between the markers."""

    name: str
    opens: tuple[str, ...]
    closes: tuple[str, ...] = ()
    grammar: str = "items"
    """items (JSON, Python calls or tagged parameters), a head of `HEADS` and arguments,
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


def _pair(opener: str, closer: str) -> dict[str, str]:
    return dict(zip(_vary(opener), _vary(closer), strict=True))


_WORD: Final = r"[^\s<\[{`\"]*"
_FENCE: Final = r"(?:```[\w+\-]*\s*)?"
_SEPARATOR: Final = "|".join(map(re.escape, _vary("<｜tool▁sep｜>")))
HEADS: Final = {
    "named": re.compile(
        rf"(?P<name>{_WORD})\s*(?P<sure>(?:(?:{_SEPARATOR})\s*(?P<inner>{_WORD})\s*)?"
        rf"(?:\[CALL_ID\](?P<id>{_WORD})\s*)?"
        rf"(?:(?:\[ARGS\]|<\|tool_call_argument_begin\|>)\s*)?{_FENCE})"
    ),
    "generic": re.compile(
        r"(?i)(?:[\"'*]*(?:tool\\?_name|tool|name)[\"'*]*[ \t]*[:=]\s*(?P<name>[^\s,<{]*)[\s,;]*)?"
        r"(?P<sure>(?:[\"'*]*(?:arguments|parameters|args|input)[\"'*]*\s*[:=]\s*"
        rf"{_FENCE})?)"
    ),
    "gemma": re.compile(r"call:(?P<name>[\w.\-\\]*)\s*(?P<sure>)"),
    "glm": re.compile(r"(?P<name>[\w.\-\\]+)\s*(?P<sure>)"),
}
"""What is before the arguments of a call: its name, perhaps an id; `sure` if it is nothing else."""
HEAD_BEGINS: Final = {"generic": ("tool_name:", "arguments:"), "gemma": ("call:",)}
HEAD_PARTS: Final = (
    *_vary("<｜tool▁sep｜>"), "[CALL_ID]", "[ARGS]", "<|tool_call_argument_begin|>", "<arg_key>",
    "tool_name:", "arguments:",
)  # fmt: skip
_DSML: Final = ("｜DSML｜", "|DSML|")

_SECTIONS: Final = [f"{bar}{name}" for bar in _DSML for name in ("function_calls", "tool_calls")]

# fmt: off
FORMATS: Final = (
    Format("hermes_json", ("<tool_call>", "<tool_calls_begin>"), ("</tool_call>",)),
    Format("seed_xml", ("<seed:tool_call>",), ("</seed:tool_call>",)),
    Format("qwen_tools", ("<tools>",), ("</tools>",)),
    Format("qwen3_xml", ("<function=", "<function name="), ("</tool_call>",),
           keeps_marker=True, may_stay_open=True),
    Format("minimax_m2", ("<invoke name=",), ("</minimax:tool_call>",),
           keeps_marker=True, may_stay_open=True),
    Format("minimax_section", ("<minimax:tool_call>",), ("</minimax:tool_call>",)),
    Format("step3", ("<steptml:invoke name=",), keeps_marker=True),
    Format("dsml", tuple(f"<{bar}invoke name=" for bar in _DSML), keeps_marker=True),
    Format("dsml_section", tuple(f"<{each}>" for each in _SECTIONS),
           tuple(f"</{each}>" for each in _SECTIONS)),
    Format("llama3_json", ("<|python_tag|>",)),
    Format("pythonic_tagged", ("<|python_start|>",), ("<|python_end|>",)),
    Format("olmo", ("<function_calls>",), ("</function_calls>",)),
    Format("lfm2", ("<|tool_call_start|>",), ("<|tool_call_end|>",)),
    Format("mistral", ("[TOOL_CALLS]",), ("[/TOOL_CALLS]",), "named", may_stay_open=True),
    Format("functools", ("functools[", "functools ["), keeps_marker=True),
    Format("tool_call_list", ("<|tool_call|>",), ("<|/tool_call|>", "</|tool_call|>"),
           may_stay_open=True),
    Format("deepseek_section", _vary("<｜tool▁calls▁begin｜>"), _vary("<｜tool▁calls▁end｜>"),
           "section"),
    Format("deepseek", _vary("<｜tool▁call▁begin｜>"), _vary("<｜tool▁call▁end｜>"), "named"),
    Format("kimi_section", ("<|tool_calls_section_begin|>",), ("<|tool_calls_section_end|>",),
           "section"),
    Format("hunyuan", ("<tool_calls>",), ("</tool_calls>",)),
    Format("granite20b", ("<function_call>",), ("</function_call>",), may_stay_open=True),
    Format("internlm", ("<|action_start|><|plugin|>", "<|action_start|>"), ("<|action_end|>",)),
    Format("nemotron", ("<TOOLCALL>",), ("</TOOLCALL>",)),
    Format("apertus", ("<|tools_prefix|>",), ("<|tools_suffix|>",), "keyed"),
    Format("cohere", ("<|START_ACTION|>",), ("<|END_ACTION|>",)),
    Format("cohere_action", ("Action:",), grammar="fenced", needs_line=True, may_stay_open=True),
    Format("gemma_code", ("```tool_code", "```tool_call"), ("```",), needs_line=True),
    Format("gemma_function", ("<start_function_call>",), ("<end_function_call>",), "gemma"),
    Format("gemma4", ("<|tool_call>",), ("<tool_call|>",), "gemma"),
    Format("lm_studio", ("[TOOL_REQUEST]",), ("[END_TOOL_REQUEST]",)),
    Format("generic_tool_use", ("<tool_use>",), ("</tool_use>",), "generic"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Tags:
    """How a format tags parameters."""

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    parameter_opens: tuple[str, ...]
    parameter_closes: tuple[str, ...]
    key_end: str = ">"
    """What ends the name of a parameter."""
    value_open: str = ""
    """What the value begins with."""


_NAMES: Final = ("<parameter name=", "<parameter=", "<param name=", "<param=")
_NAMES_END: Final = ("</parameter>", "</param>")
TAGS: Final = (
    Tags(("<function name=", "<function="), ("</function>",), _NAMES, _NAMES_END),
    Tags(("<invoke name=",), ("</invoke>",), _NAMES, _NAMES_END),
    *(
        Tags(
            (f"<{each}invoke name=",),
            (f"</{each}invoke>",),
            (f"<{each}parameter name=",),
            (f"</{each}parameter>",),
        )
        for each in ("steptml:", *_DSML)
    ),
)
TAG_OPENS: Final = tuple(each for tags in TAGS for each in tags.opens)
# fmt: off
GLM: Final = Tags(("<tool_call>",), ("</tool_call>",), ("<arg_key>",), ("</arg_value>",),
                  "</arg_key>", "<arg_value>")
# fmt: on

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
_TAGS_OF_RESULTS: Final = (
    "tool_response", "tool_result", "tool_output", "function_response", "function_result"
)  # fmt: skip
RESULTS: Final = {
    **{f"<{name}": f"</{name}" for name in _TAGS_OF_RESULTS},
    "[TOOL_RESULTS]": "[/TOOL_RESULTS]",
    "<start_function_response>": "<end_function_response>",
    "<|tool_response>": "<tool_response|>",
    "<|START_TOOL_RESULT|>": "<|END_TOOL_RESULT|>",
    **_pair("<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>"),
    **_pair("<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"),
}
"""What begins and ends a result, which models invent after a call or repeat."""
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
    STRIKE = auto()
    CODE = auto()
    LINE = auto()


def _build_kinds() -> dict[str, Kind]:
    kinds = {"`": Kind.CODE, "~~~": Kind.CODE, "\n": Kind.LINE, "<s>": Kind.STRIKE}
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


def build_pattern(literals: Iterable[str], *, may_be_cut: bool = False) -> str:
    """Return a pattern of the longest literal, which looks at each character once.

    If they may be cut, it also matches the beginning of a literal at the end of the text.
    """
    branches: dict[str, list[str]] = {}
    for literal in literals:
        branches.setdefault(literal[:1], []).append(literal[1:])
    is_whole = branches.pop("", None) is not None
    parts = []
    for first, rests in branches.items():
        inner = build_pattern(rests, may_be_cut=may_be_cut)
        is_long = may_be_cut and "" not in rests
        parts.append(re.escape(first) + (f"(?:\\Z|{inner})" if is_long else inner))
    return f"(?:{'|'.join(parts)}){'?' if is_whole else ''}" if parts else ""


KINDS: Final = _build_kinds()
BY_OPEN: Final = {each: row for row in FORMATS for each in row.opens}
OPENS: Final = tuple(sorted(BY_OPEN, key=len, reverse=True))


class Literals:
    """Literals that are looked for in a text; patterns are compiled when they are used."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals: Final = tuple(literals)

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(build_pattern(self._literals))

    @cached_property
    def early(self) -> re.Pattern[str]:
        """A literal, or the beginning of one that the text ends in."""
        return re.compile(build_pattern(self._literals, may_be_cut=True))

    def get_pattern(self, *, is_final: bool) -> re.Pattern[str]:
        """Return what matches a literal, or perhaps one if the text goes on."""
        return self._whole if is_final else self.early


EVERYTHING: Final = Literals(KINDS)
_CODE: Final = tuple(each for each, kind in KINDS.items() if kind in {Kind.CODE, Kind.LINE})
THOUGHTS: Final = Literals((*REASONING, *REASONING.values(), *_CODE))
"""What separates reasoning from an answer, and the code in which none of it counts."""
USUAL_THOUGHTS: Final = Literals(("<think>", "</think>", *_CODE))
"""The same without tags that people ask for in prompts."""
ALL_CLOSES: Final = tuple(
    sorted((each for each, kind in KINDS.items() if kind is Kind.CLOSE), key=len, reverse=True)
)
ENDS: Final = tuple(sorted((*END_OF_TURN, *RESULTS, *CONTROL), key=len, reverse=True))


_PYTHONIC: Final = ("llama", "olmo", "lfm", "toolace", "gemma", "pythonic", "deepseek-coder")


@dataclass(frozen=True, slots=True)
class Family:
    """Which calls models write without a marker, besides JSON."""

    is_pythonic: bool
    """`name(key=value)`, and lists of them."""
    is_glm: bool
    """A name on its line, and JSON on the next."""


def get_family(name: str) -> Family:
    """Return what the name of a family or of a model means."""
    name = name.lower()
    return Family(name.startswith(_PYTHONIC), name.startswith("glm"))
