r"""What a terminal may be given: text that cannot move the cursor, hide or reverse anything.

Prompts, models, vendors, file names and error messages may hold escape sequences, other control
characters and Unicode's overrides of the direction of writing. They are shown: `\x1b`, `\u202e`.
"""

import re
from typing import Final

# Controls (C0 but newline and tab, DEL, C1), overrides of direction, line and paragraph
# separators, and halves of surrogate pairs, which no terminal can be sent.
_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def neutralize(text: str, *, one_line: bool = False) -> str:
    r"""Return `text` as a terminal may be given it; doing it twice changes nothing more.

    Newlines and tabs stay (`\r\n` becomes a newline), unless it is to be `one_line`.
    """
    if text.isascii() and text.isprintable():  # nearly every text
        return text
    text = _UNSAFE.sub(_shown, text.replace("\r\n", "\n"))
    return text.replace("\n", "\\n").replace("\t", "\\t") if one_line else text


def escape_json(document: str) -> str:
    """Return the same JSON document without characters that a terminal must not be given."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\\r" if code == ord("\r") else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
