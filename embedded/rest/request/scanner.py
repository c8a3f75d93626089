"""A cursor over one query parameter, with the tokens that all grammars share."""

import re
from typing import Final, NoReturn

from embedded.rest.errors import bad_request

MAX_DEPTH: Final = 32
"""How deep logic trees and embedded resources may nest."""

_IDENTIFIER: Final = r"[\w $]+"
_BARE_NAME: Final = rf"{_IDENTIFIER}(?:-(?!>){_IDENTIFIER})*"
"""A dash belongs to a name, an arrow ends it."""


class Scanner:
    """Reads `text` from left to right; every failure is a PGRST100 that names the column."""

    def __init__(self, subject: str, text: str) -> None:
        self.subject = subject
        self.text = text
        self.position = 0

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self.position >= len(self.text)

    def peek(self, token: str) -> bool:
        """Whether `token` comes next."""
        return self.text.startswith(token, self.position)

    def take(self, token: str) -> bool:
        """Step over `token` if it comes next."""
        if not self.peek(token):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str) -> None:
        """Step over `token` or fail."""
        if not self.take(token):
            self.fail(f'"{token}"')

    def fail(self, expected: str) -> NoReturn:
        """Raise PGRST100 at this place."""
        rest = self.text[self.position : self.position + 1]
        unexpected = f'unexpected "{rest}"' if rest else "unexpected end of input"
        details = f"{unexpected} expecting {expected}"
        raise bad_request(self.subject, self.text, self.position, details)

    def until(self, ends: str) -> str:
        """Everything up to one of the characters in `ends`, or to the end of the text."""
        start = self.position
        while not self.at_end and self.text[self.position] not in ends:
            self.position += 1
        return self.text[start : self.position]

    def match(self, pattern: str) -> str | None:
        """Step over what `pattern` matches here and return it, or None."""
        found = re.compile(pattern).match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[0]

    def rest(self) -> str:
        """Everything that is left."""
        text, self.position = self.text[self.position :], len(self.text)
        return text

    def name(self) -> str:
        """An identifier: bare, or in double quotes with backslash escapes."""
        if self.peek('"'):
            return self._checked(self.quoted())
        return self._checked((self.match(_BARE_NAME) or "").strip())

    def identifier(self) -> str:
        """A bare name without dashes, such as a type."""
        return self._checked((self.match(_IDENTIFIER) or "").strip())

    def quoted(self) -> str:
        """A string in double quotes; a backslash takes the next character as it is."""
        self.expect('"')
        found: list[str] = []
        while not self.take('"'):
            self.take("\\")
            if self.at_end:
                self.fail('"\\""')
            found.append(self.text[self.position])
            self.position += 1
        return "".join(found)

    def _checked(self, name: str) -> str:
        # A name may become an alias in the text of a statement, which NUL would end.
        if not name or "\0" in name:
            self.fail("field name (* or [a..z0..9_$])")
        return name
