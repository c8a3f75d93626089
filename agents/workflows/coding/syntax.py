"""Whether documented code is still the same program. Pure."""

import ast
from dataclasses import dataclass

from agents.extraction.languages import is_same_language

MAX_COMPARED = 100_000
"""Characters of code whose syntax trees are compared."""


@dataclass(frozen=True, slots=True)
class SyntaxComparison:
    """The result of a comparison."""

    is_same: bool | None
    """None if it was not compared."""
    reason: str

    @property
    def checks(self) -> list[dict[str, object]]:
        """The check as results list it; none if nothing was compared."""
        if self.is_same is None:
            return []
        problem = None if self.is_same else self.reason
        return [{"name": "same syntax tree", "passed": self.is_same, "problem": problem}]


def compare_syntax(before: str | None, after: str | None, language: str) -> SyntaxComparison:
    """Compare two versions of a program without comments and docstrings."""
    if before is None:
        return SyntaxComparison(None, "the task has no params.code to compare with")
    if not is_same_language(language, "python"):
        return SyntaxComparison(None, f"syntax trees of {language} are not compared")
    if not after or not after.strip():
        return SyntaxComparison(False, "the answer has no code")
    if max(len(before), len(after)) > MAX_COMPARED:
        return SyntaxComparison(None, "the code is too long to be compared")
    try:
        old = _list_nodes(before)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return SyntaxComparison(None, "the original code cannot be parsed")
    try:
        new = _list_nodes(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return SyntaxComparison(False, f"the documented code cannot be parsed: {error}")
    if old == new:
        return SyntaxComparison(True, "its syntax tree is unchanged")
    line = next(
        (line for (line, node), (_, was) in zip(new, old, strict=False) if node != was),
        new[-1][0] if new else 1,
    )
    return SyntaxComparison(False, f"the program was changed, first near line {line}")


class _Node(tuple[int, str]):
    """A statement with its line, which does not count in comparisons."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Node) and self[1] == other[1]

    def __hash__(self) -> int:
        return hash(self[1])


def _list_nodes(code: str) -> list[_Node]:
    """Return the top-level statements without docstrings, as text."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
            # A body that was only a docstring is an empty one; so is one of `pass` or `...`.
            node.body = [each for each in node.body if not _is_empty(each)]
    return [_Node((node.lineno, ast.dump(node))) for node in tree.body]


def _is_empty(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and node.value.value is Ellipsis
    )
