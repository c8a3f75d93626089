"""The part of a text that is read: the request in it, and what the request is about."""

import re
import unicodedata
from typing import Final, NamedTuple

HEAD: Final = 1_200
TAIL: Final = 800
"""Characters read from both ends of a text; what is asked stands there."""
_MAX_FIRST: Final = 400
_MAX_LAST: Final = 300
"""Characters of the first and the last paragraph of a long text that may be the request."""
_LONG: Final = 240
_REQUEST: Final = (700, 300)
_MATTER: Final = (400, 100)
"""Characters of both ends of each part whose words count."""

_CODE_LINE: Final = re.compile(
    r"""
    \s*(?:
      (?:def|class|import|from|return|func|fn|let|const|var|public|private|protected|static
        |using|namespace|package|struct|enum|impl|interface|template|void|int|double|float|bool
        |for|while|if|else|elif|try|except|catch|switch|case|end|echo|print|raise|throw)
        \b.{0,200}[(){};:=<>\[\]]\s*$
      | \#include|\#define|\#!/|@\w+$|//|/\*|\*/|--\s|<\?php|</?[a-z][\w-]*[\s>/]|\$\s|>>>\s|\}|\{
      | [\w.\[\]"']{1,80}\s*(?:=|:=|\+=|-=|->|<-)\s*\S+.{0,200}[\w)\]}"']$
      | [\w.]{1,80}\([^()]{0,200}\)\s*$
      | (?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|WITH|FROM|JOIN|WHERE|GROUP\ BY|ORDER\ BY)\b
      | File\ "|at\ [\w.$<>]+\s*\(|Traceback|Caused\ by:|-->
      | \w{0,40}(?:Error|Exception|Warning)\b.{0,80}:
    )
    | (?:\ {4,}|\t)\S.*[()=:\[\]]
    | [+-]{3}\s[ab]/|@@\s
    """,
    re.VERBOSE,
)
_ENDS: Final = (";", "{", "}")
_FENCE: Final = re.compile(r"```[^\n]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_QUOTED: Final = re.compile(
    r'"([^"]{3,})"|“([^”]{3,})”|„([^“”"]{3,})[“”"]|«([^»]{3,})»|「([^」]{2,})」|『([^』]{2,})』'
    r"|(?<!\w)'([^'\n]{3,})'(?!\w)|‘([^’]{3,})’"
)
_AFTER_COLON: Final = re.compile(r"\A([^:：\n]{3,200}?)\s*[:：]\s+(?=\S)|\A([^:：\n]{2,200}?)：")
_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0640\u064b-\u0655\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_LONGER: Final = 4
"""How many times as long a text may become by taking its characters apart."""
_NUMBER: Final = re.compile(r"\d+")


class Zones(NamedTuple):
    """The parts of a text, in small letters without accents; numbers are 0."""

    request: str
    matter: str
    """What the request is about: quoted text, what follows a colon, long passages; no code."""
    is_quoting: bool
    code_lines: int


def take_sample(text: str) -> str:
    """Return the head and the tail of a text; all of a short one."""
    return _take_ends(text, HEAD, TAIL, "\n\n")


def _take_ends(text: str, head: int, tail: int, between: str) -> str:
    return text if len(text) <= head + tail else f"{text[:head]}{between}{text[-tail:]}"


def is_code_line(line: str) -> bool:
    """Return whether a line is code, or of a stack trace."""
    return line.rstrip().endswith(_ENDS) or _CODE_LINE.match(line) is not None


def split_code(sample: str) -> tuple[str, int]:
    """Return the prose of a sample, and how many of its lines are code."""
    lines = sample.split("\n")
    prose = ["" if is_code_line(line) else line for line in lines]
    code_lines = sum(1 for line, kept in zip(lines, prose, strict=True) if line and not kept)
    text = "\n".join(prose) if len(lines) > 1 else sample
    return _FENCE.sub("\n", text) if "```" in text else text, code_lines


def split_zones(sample: str) -> Zones:
    """Return the request in a sample and what it is about."""
    matter: list[str] = []
    text, code_lines = split_code(sample)

    def move(found: re.Match[str]) -> str:
        matter.append(found.group(found.lastindex or 0))
        return ' "" '

    text, quotes = _QUOTED.subn(move, text)
    text = text.strip()
    colon = _AFTER_COLON.match(text)
    if colon is not None and len(text) - colon.end() >= 8:
        rest = text[colon.end() :]
        first, blank, last = rest.rpartition("\n\n")
        matter.append(first if blank and len(last) <= _MAX_LAST else rest)
        text = colon.group() + (f"\n\n{last}" if blank and len(last) <= _MAX_LAST else "")
    if len(text) > _LONG and "\n" in text:
        first, _, rest = text.partition("\n")
        middle, _, last = rest.rpartition("\n")
        kept = [
            part for part, most in ((first, _MAX_FIRST), (last, _MAX_LAST)) if len(part) <= most
        ]
        if kept:
            matter.append(middle)
            matter.extend(part for part in (first, last) if part not in kept)
            text = "\n".join(kept)
    return Zones(
        normalize(_take_ends(text, *_REQUEST, " ")),
        normalize(_take_ends("\n".join(matter), *_MATTER, " ")),
        quotes > 0,
        code_lines,
    )


def normalize(text: str) -> str:
    """Return a text in small letters, without accents and invisible marks; numbers become 0."""
    text = text.casefold()
    if not text.isascii():
        # One character may stand for eighteen.
        plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)[: _LONGER * len(text)])
        text = unicodedata.normalize("NFKC", plain)
    return _NUMBER.sub("0", text)
