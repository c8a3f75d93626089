"""The writing systems of a text."""

import re
from typing import Final

SAMPLE: Final = 2_000
"""Characters of the text that are examined."""
_MIN_SHARE: Final = 0.1
"""A script with a smaller share of the letters counts as a quotation."""
_LETTER: Final = re.compile(r"[^\W\d_]")
_SCRIPTS: Final = {
    "Cyrl": re.compile("[\u0400-\u052f\u1c80-\u1c8f]"),
    "Grek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "Arab": re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]"),
    "Hebr": re.compile("[\u0590-\u05ff]"),
    "Deva": re.compile("[\u0900-\u097f]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
    "Kore": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "Jpan": re.compile("[\u3040-\u30ff]"),
    "Hani": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
}
DENSE_SCRIPTS: Final = frozenset({"Kore", "Jpan", "Hani", "Thai"})
"""Scripts in which a character is about one token."""


def detect_scripts(prompt: str) -> tuple[str, ...]:
    """Return the ISO 15924 codes of the scripts other than Latin, the most frequent first."""
    sample = prompt[:SAMPLE]
    if sample.isascii():
        return ()
    minimum = max(_MIN_SHARE * len(_LETTER.findall(sample)), 1)
    counts = {script: len(letters.findall(sample)) for script, letters in _SCRIPTS.items()}
    found = [script for script, count in counts.items() if count >= minimum]
    return tuple(sorted(found, key=lambda script: -counts[script]))
