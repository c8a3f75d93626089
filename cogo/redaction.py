"""Redaction: takes secrets out of text before anybody reads it."""

import json
import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "[redacted]"
SHORTEST_SECRET: Final = 8
"""Characters. A shorter value is left alone: it would also match ordinary words."""

_SHAPES: Final = re.compile(
    r"""
    \b(?:                    # once for all of them: it is tried at each character of a line
        sb_secret_[\w-]+                                 # Supabase
      | eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+                  # a JSON web token
      | (?:sk|pk|rk)-[\w-]{16,}                          # Anthropic, OpenAI, OpenRouter
      | (?:fw|gsk|r8|hf|xai|csk|nvapi|lsv2)[_-]\w{16,}   # Fireworks, Groq, Replicate and others
      | pplx-\w{16,}
      | AIza[\w-]{20,}                                   # Google
    )
    | (?<=[Bb]earer[ ])[\w.~+/-]{8,}=*
    | (?<=://)(?![^\s/:@]+:PASSWORD@)[^\s/:@]+:[^\s/@]+(?=@)    # of an address, not of an example
    """,
    re.VERBOSE,
)


class Redactor:
    """Replaces known secrets, and whatever looks like a key, by a mask."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        # A log line in JSON holds the escaped form.
        known |= {json.dumps(secret)[1:-1] for secret in known}
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def redact(self, text: str) -> str:
        """Give `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _SHAPES.sub(MASK, text)
