"""Take secrets out of texts that vendors send back."""

import re
from typing import Final

__all__ = ["redact"]

LONGEST: Final = 600
"""Characters of a vendor's message that are kept."""

# Shapes of the vendors' keys: some quote a wrong key, or most of it, in their error texts.
_KEY_LIKE: Final = re.compile(
    r"(?i)\b(?:sk|fw|gsk|pplx|hf|r8|xai|rk|pk)[-_][\w*.-]{6,}|\bBearer\s+\S+|AIza[\w-]{20,}"
)


def redact(text: str, *secrets: str) -> str:
    """Shorten a text and replace these secrets, and whatever looks like a key, by `[redacted]`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    text = _KEY_LIKE.sub("[redacted]", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
