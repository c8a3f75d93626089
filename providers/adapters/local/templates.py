"""What a chat template tells without being rendered: family, tools, and how answers begin.

Templates come from whoever published the weights. They are only searched, in linear time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from providers.catalogue.model_names import find_family_of_name

_LONGEST: Final = 200_000
"""Characters of a template that are looked at."""
_KEPT: Final = 4
"""Results for templates, since all models of a server may have the same one."""
_MAX_PREFIX: Final = 64
_DEEPEST: Final = 20

_FAMILIES_BY_TOKEN: Final = (
    (("<minimax:tool_call>",), "minimax"),
    (("<|tool_call>", "<tool_call|>"), "gemma"),
    (("<start_function_call>",), "gemma"),
    (("<seed:tool_call>",), "seed"),
    (("<arg_key>",), "glm"),
    (("<tool_call>", "<function="), "qwen"),
    (("<|tool_calls_section_begin|>",), "kimi"),
    (("｜DSML｜",), "deepseek"),
    (("<｜tool▁calls▁begin｜>",), "deepseek"),
    (("[TOOL_CALLS]",), "mistral"),
    (("<|START_ACTION|>",), "cohere"),
    (("<|START_OF_TURN_TOKEN|>",), "cohere"),
    (("<|python_tag|>",), "llama"),
    (("functools[",), "phi"),
    (("<|tool|>", "<|tool_call|>"), "phi"),
    (("<|start_of_role|>",), "granite"),
    (("<|channel|>",), "gpt-oss"),
    (("<|tool_call_start|>",), "lfm2"),
    (("<function_calls>", "<functions>"), "olmo"),
    (("<TOOLCALL>",), "nemotron"),
    (("<|start_header_id|>",), "llama"),
    (("<start_of_turn>",), "gemma"),
    (("<tool_call>",), "qwen"),
)
"""Families by texts that a template has to contain, most specific first."""

_WIDESPREAD: Final = ("<tool_call>",)
"""What fine-tuned models of many families were taught."""

_OPENERS: Final = ("<think>", "<thinking>", "<seed:think>", "[THINK]", "<|START_THINKING|>")
_GENERATION: Final = "add_generation_prompt"
_JINJA: Final = re.compile(r"\{%-?([^%]*?)-?%\}|\{\{-?([^{]*?)-?\}\}")
_STATEMENT: Final = re.compile(r"\s*(if|elif|else|endif|for|endfor)\b(.*)", re.DOTALL)
_LITERAL: Final = re.compile(
    r"'([^'\\]*(?:\\.[^'\\]*)*)(?:'|\\?\Z)|\"([^\"\\]*(?:\\.[^\"\\]*)*)(?:\"|\\?\Z)", re.DOTALL
)
"""A text in quotes. One without an end goes to the end, so that nothing is searched twice."""
_ESCAPES: Final = (("\\n", "\n"), ("\\t", "\t"), ("\\'", "'"), ('\\"', '"'))
_IS_OFF: Final = re.compile(r"\s*\w+ is defined and (?:\w+ is false|\w+ == false|not \w+)\s*", re.I)
"""A condition that holds only if somebody switched reasoning off."""
_IS_NOT_OFF: Final = re.compile(r"\s*(?:\w+ is not defined|not \w+ is defined) or \w+\s*", re.I)
_GO_ACTION: Final = re.compile(r"\{\{-?([^{]*?)-?\}\}")
_ASSISTANT: Final = re.compile(r"assistant|model", re.IGNORECASE)


def find_family(template: str, *names: str) -> str:
    """Return the family of models that a template is written for, else that of the names.

    It is `auto` if neither tells.
    """
    found = _find_row(template[:_LONGEST])
    if found is not None and found[0] != _WIDESPREAD:
        return found[1]
    named = (find_family_of_name(each) for each in names)
    return next(filter(None, named), "auto" if found is None else found[1])


@lru_cache(maxsize=_KEPT)
def _find_row(text: str) -> tuple[tuple[str, ...], str] | None:
    return next((row for row in _FAMILIES_BY_TOKEN if all(token in text for token in row[0])), None)


def mentions_tools(template: str) -> bool:
    """Return whether a template, of Jinja or Go, writes the offered tools into the prompt."""
    return "tools" in template[:_LONGEST].casefold()


def find_prefix(template: str) -> str:
    """Return the tag, with white space, by which a template begins the reasoning of an answer."""
    return _find_prefix(template[:_LONGEST])


@lru_cache(maxsize=_KEPT)
def _find_prefix(text: str) -> str:
    at = text.rfind(_GENERATION)
    written = _find_go_prompt(text) if at < 0 else "".join(_list_written(text, at))
    begin = max(written.rfind(each) for each in _OPENERS)
    prefix = written[begin:] if begin >= 0 else ""
    is_plain = "".join(prefix.split()).isprintable()  # it goes into rows, and requests
    return prefix if is_plain and len(prefix) <= _MAX_PREFIX else ""


def _list_written(text: str, at: int) -> Iterator[str]:
    """Yield what Jinja writes at the beginning of an answer, if no variable is set.

    Branches whose condition is not clear are left out.
    """
    begin = text.find("%}", at)
    if begin < 0:
        return
    position = begin + 2
    blocks = [_Block(is_written=True)]
    for tag in _JINJA.finditer(text, position):
        is_written = all(each.is_written for each in blocks)
        between = text[position : tag.start()]
        if is_written and not between.isspace():
            yield between
        position = tag.end()
        if is_written and tag[2]:
            yield from map(_unescape, _LITERAL.findall(tag[2]))
        if statement := _STATEMENT.match(tag[1] or ""):
            _enter(blocks, statement[1], statement[2])
            if not 0 < len(blocks) <= _DEEPEST:
                return


@dataclass(slots=True)
class _Block:
    """An open block of Jinja."""

    is_written: bool | None
    """Whether its current branch is; None: that is not clear."""
    was_written: bool = False


def _enter(blocks: list[_Block], word: str, condition: str) -> None:
    """Open, go on with, or close a block."""
    if word.startswith("end"):
        blocks.pop()
    elif word == "for":
        blocks.append(_Block(is_written=None))
    elif word == "if":
        blocks.append(_Block(is_written=_is_met(condition)))
    elif (block := blocks[-1]).is_written is not None:
        block.was_written |= block.is_written
        holds = True if word == "else" else _is_met(condition)
        block.is_written = False if block.was_written else holds


def _is_met(condition: str) -> bool | None:
    """Return whether a condition holds by default, None if that is not clear."""
    if _IS_OFF.fullmatch(condition):
        return False
    return True if _IS_NOT_OFF.fullmatch(condition) else None


def _unescape(literal: tuple[str, str]) -> str:
    text = literal[0] or literal[1]
    for escaped, meant in _ESCAPES:
        text = text.replace(escaped, meant)
    return text


def _find_go_prompt(text: str) -> str:
    """Return what a Go template writes at the beginning of an answer, if it begins reasoning."""
    found, position = "", 0
    for action in _GO_ACTION.finditer(text):
        if action[1].strip() == "end" and _begins_reasoning(text[position : action.start()]):
            found = text[position : action.start()]
        position = action.end()
    return text[position:] if _begins_reasoning(text[position:]) else found


def _begins_reasoning(piece: str) -> bool:
    return piece.rstrip().endswith(_OPENERS) and _ASSISTANT.search(piece) is not None
