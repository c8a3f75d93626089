"""Functions of the database that can be called over REST, parsed from their SQL."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_FUNCTION: Final = re.compile(
    r"create or replace function public\.(?P<name>cogo_\w+)\((?P<parameters>.*?)\)\s*"
    r"returns (?P<answer>.*?)\s*language ",
    re.DOTALL,
)
_COMMENT: Final = re.compile(r"\bis\s+'(?P<text>(?:[^']|'')*)';")
_GRANT: Final = re.compile(
    r"grant execute on function\s(?P<names>[^;]*?)\sto (?P<roles>[a-z_, ]+);"
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function as its callers see it."""

    name: str
    parameters: str
    answer: str
    callers: str
    comment: str


def parse_functions(sources: Iterable[str]) -> list[Function]:
    """Return the functions of schema public, by name.

    Raises ValueError if one has no comment or no grant.
    """
    found = []
    texts = list(sources)
    callers = {
        name.strip().removeprefix("public."): grant["roles"]
        for sql in texts
        for grant in _GRANT.finditer(sql)
        for name in grant["names"].split(",")
    }
    for sql in texts:
        for match in _FUNCTION.finditer(sql):
            comment = _COMMENT.search(sql, match.end())
            if comment is None or match["name"] not in callers:
                raise ValueError(f"{match['name']} has no comment or no grant")
            found.append(
                Function(
                    name=match["name"],
                    parameters=_join_lines(match["parameters"]),
                    answer=_join_lines(match["answer"]),
                    callers=callers[match["name"]],
                    comment=_join_lines(comment["text"].replace("''", "'")),
                )
            )
    return sorted(found, key=lambda each: each.name)


def _join_lines(text: str) -> str:
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")
