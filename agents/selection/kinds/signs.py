"""Features of form: code, stack traces, formulas, addresses, questions and the length of a text.

What a text shows is found by parts of it where that is enough: patterns that begin anywhere take
most of the time.
"""

import re
from typing import Final

from agents.selection.kinds.languages import list_named

_PARTS: Final = {
    "trace": (
        "Traceback (most", "Error:", "Exception", "error:", "Error ", "panic:", "egmentation fault",
        "undefined reference", "exit code", "fatal:", "No such file", "command not found", "ERR!",
        "ERROR", "undefined is not", "is not defined", "cannot borrow", "Cannot read",
        "core dumped", "not recognized", "refused", "errno", "Errno", "denied",
    ),
    "tag": ("</", "<div", "<p>", "<html", "<body", "<img", "<a ", "<input", "<?php"),
    "pattern": ("\\d", "\\w", "\\s", "[a-z", "[A-Z", "[0-9", "(?=", "(?!", "(?:", ".*"),
    "command": ("grep ", "awk ", "sed ", "chmod ", "docker ", "kubectl ", "git ", "curl ", "npm ",
                "pip ", "apt ", "tar ", "ssh ", "sudo ", "xargs", "find . ", "find /"),
    "diff": ("diff --git", "\n@@ ", "\n+++ ", "--- a/"),
    "url": ("http://", "https://", "www."),
    "latex": ("\\frac", "\\int", "\\sum", "\\sqrt", "\\lim", "\\infty", "\\begin", "$$"),
    "percent": ("%", "٪", "％"),
    "fence": ("```",),
    "paragraphs": ("\n\n",),
}  # fmt: skip
_OPERATORS: Final = (
    "=>", "->", "==", "!=", "<=", ">=", "+=", "&&", "||", "::", "++", ":=", "()", "[]", "{}", "</",
    "/>", ");", "];",
)  # fmt: skip
_CALL: Final = re.compile(r"\w\([^()\n]{0,80}\)")
_NAME: Final = re.compile(r"[a-z]_[a-z]|[a-z][A-Z]")
_FILE: Final = re.compile(
    r"\.(?:py|js|ts|tsx|jsx|java|go|rs|rb|php|c|cpp|h|cs|kt|swift|sql|sh|html|css|json|ya?ml|toml"
    r"|ipynb)\b"
)
_IMAGE: Final = re.compile(r"\.(?:png|jpe?g|gif|webp)\b|!\[")
_EMAIL: Final = re.compile(r"\w@[\w-]{1,60}\.[a-z]")
_FORMULA: Final = re.compile(
    r"[+*/^=×÷·−](?:(?<=[\w)].)|(?<=[\w)] .))\s?[\w(]|[²³ⁿ]|\d ?[-–] ?\d|\d ?x ?\d"
)
_FUNCTIONS: Final = (
    "sin(",
    "cos(",
    "tan(",
    "log(",
    "ln(",
    "lim ",
    "lim(",
    "exp(",
    "f(x)",
    " dx",
    "sqrt",
)
_SYMBOLS: Final = re.compile("[∫∑∏√∞π≤≥≠±×÷∈∀∃→²³ⁿ∂∇]")
_DIGITS: Final = re.compile(r"\d+")
_QUESTIONS: Final = ("?", "？", "؟", ";")
_LENGTHS: Final = (8, 16, 40, 100, 300, 1_000, 4_000, 20_000, 100_000)
PREFIX: Final = "\x01"
"""Begins these features, and none of a word: words have no control characters."""


def list_signs(sample: str, length: int, code_lines: int) -> set[str]:
    """Return the features of a sample of a text of this length."""
    found = {name for name, parts in _PARTS.items() if any(part in sample for part in parts)}
    lower = sample.lower()
    if ("select " in lower and " from " in lower) or "insert into" in lower:
        found.add("sql")
    if sample.rstrip().endswith(_QUESTIONS):
        found.add("question")
    for name, pattern in (
        ("file", _FILE),
        ("image", _IMAGE),
        ("email", _EMAIL),
        ("symbols", _SYMBOLS),
    ):
        if pattern.search(sample):
            found.add(name)
    counts = {
        "call": len(_CALL.findall(sample)) if "(" in sample else 0,
        "name": len(_NAME.findall(sample)),
        "operators": sum(map(sample.count, _OPERATORS)),
        "formula": len(_FORMULA.findall(sample)) + sum(map(sample.count, _FUNCTIONS)),
        "digits": len(_DIGITS.findall(sample)),
        "code": code_lines,
    }
    found.update(
        f"{name}{least}" for name, count in counts.items() for least in (1, 3, 8) if count >= least
    )
    named = list_named(sample)
    found.update(["named", f"named {named[0]}"] if named else [])
    found.update(f"above{least}" for least in _LENGTHS if length > least)
    return {PREFIX + name for name in found}
