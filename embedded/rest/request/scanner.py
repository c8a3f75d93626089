"""A scanner of query parameters, with the tokens that all grammars share."""

import re
from typing import Final, NoReturn

from embedded.rest.errors import bad_request

MAX_DEPTH: Final = 32
"""Maximum nesting of logic trees and embedded resources."""

_IDENTIFIER: Final = r"[\w $]+"
_BARE_NAME: Final = rf"{_IDENTIFIER}(?:-(?!>){_IDENTIFIER})*"
"""A dash is part of a name, an arrow ends it."""


class Scanner:
    """Scanner of `text`, whose errors are PGRST100 with the column."""

    def __init__(self, subject: str, text: str) -> None:
        self.subject = subject
        self.text = text
        self.position = 0

    @property
    def is_at_end(self) -> bool:
        """True if the end is reached."""
        return self.position >= len(self.text)

    def peek(self, token: str) -> bool:
        """Return whether `token` is next."""
        return self.text.startswith(token, self.position)

    def take(self, token: str) -> bool:
        """Skip `token` if it is next, and return whether it was."""
        if not self.peek(token):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str) -> None:
        """Skip `token`, or raise PGRST100."""
        if not self.take(token):
            self.fail(f'"{token}"')

    def fail(self, expected: str) -> NoReturn:
        """Raise PGRST100 at the current position."""
        rest = self.text[self.position : self.position + 1]
        unexpected = f'unexpected "{rest}"' if rest else "unexpected end of input"
        details = f"{unexpected} expecting {expected}"
        raise bad_request(self.subject, self.text, self.position, details)

    def read_until(self, ends: str) -> str:
        """Read up to one of the characters in `ends`, or to the end."""
        start = self.position
        while not self.is_at_end and self.text[self.position] not in ends:
            self.position += 1
        return self.text[start : self.position]

    def match(self, pattern: str) -> str | None:
        """Read what `pattern` matches, or return None."""
        found = re.compile(pattern).match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[0]

    def read_rest(self) -> str:
        """Read everything to the end."""
        text, self.position = self.text[self.position :], len(self.text)
        return text

    def read_name(self) -> str:
        """Read an identifier, bare or in double quotes with backslash escapes."""
        if self.peek('"'):
            return self._check_name(self.read_quoted())
        return self._check_name((self.match(_BARE_NAME) or "").strip())

    def read_identifier(self) -> str:
        """Read a bare name without dashes, such as a type."""
        return self._check_name((self.match(_IDENTIFIER) or "").strip())

    def read_quoted(self) -> str:
        """Read a string in double quotes with backslash escapes."""
        self.expect('"')
        found: list[str] = []
        while not self.take('"'):
            self.take("\\")
            if self.is_at_end:
                self.fail('"\\""')
            found.append(self.text[self.position])
            self.position += 1
        return "".join(found)

    def _check_name(self, name: str) -> str:
        # A name may become an alias in a statement, which cannot contain NUL.
        if not name or "\0" in name:
            self.fail("field name (* or [a..z0..9_$])")
        return name
