"""Statements: cuts a SQL script where the Supabase CLI cuts it for its history.

The script itself is sent whole, so this decides only what the column
`supabase_migrations.schema_migrations.statements` shows.
"""

import re
from collections.abc import Iterator
from typing import Final

_OPENING: Final = re.compile(r"--|/\*|'|\"|\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$|;")
_BLOCK_EDGE: Final = re.compile(r"/\*|\*/")


def split_statements(script: str) -> list[str]:
    """Cut at semicolons outside of quotes, dollar quotes and comments.

    Comments stay with the statement that follows them; the semicolons go.
    """
    trimmed = (statement.rstrip(";").strip() for statement in _pieces(script))
    return [statement for statement in trimmed if statement]


def _pieces(script: str) -> Iterator[str]:
    start = position = 0
    while (opening := _OPENING.search(script, position)) is not None:
        mark = opening[0]
        position = opening.end()
        if mark == ";":
            yield script[start:position]
            start = position
        elif mark == "/*":
            position = _end_of_block(script, position)
        else:
            closing = "\n" if mark == "--" else mark
            position = _after(script, closing, position)
    yield script[start:]


def _after(script: str, text: str, position: int) -> int:
    found = script.find(text, position)
    return len(script) if found < 0 else found + len(text)


def _end_of_block(script: str, position: int) -> int:
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(script, position)) is not None:
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(script) if depth else position
