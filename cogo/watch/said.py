"""What models say, as text that people can read also before it is complete. Pure: no I/O."""

import json
import re
from typing import Final

_TOKEN: Final = re.compile(r'"(?P<body>(?:[^"\\]|\\.)*)"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def format_said(text: str) -> str:
    """Return what a model says; JSON, also its beginning, as lines that people can read."""
    start = text.lstrip().removeprefix("```json").lstrip()
    if not start.startswith("{"):
        return text
    shown: list[str] = []
    stack: list[str] = []
    is_key, dash = False, ""
    for match in _TOKEN.finditer(start):
        piece = match[0]
        if piece in {"{", "["}:
            dash = "- " if stack[-1:] == ["["] and piece == "{" else ""
            stack.append(piece)
            is_key = piece == "{"
        elif piece in {"}", "]"}:
            stack.pop()
            if not stack:
                break
        elif piece == ",":
            is_key = stack[-1] == "{"
        elif is_key:
            indent = "  " * (len(stack) - 1 - len(dash) // 2)
            shown.append(f"\n{indent}{dash}{_decode(match)}: ")
            is_key, dash = False, ""
        elif piece not in {":", "\\"}:
            element = f"\n{'  ' * (len(stack) - 1)}- " if stack[-1] == "[" else ""
            shown.append(f"{element}{_decode(match)}")
    return "".join(shown).lstrip("\n")


def _decode(piece: re.Match[str]) -> str:
    """Return a string without its quotes and escapes, or another value as it is."""
    body = piece["body"]
    if body is None:
        return piece[0]
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:  # it ends in the middle of an escape
        return body.rpartition("\\")[0]
