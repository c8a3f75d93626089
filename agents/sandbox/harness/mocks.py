"""`unittest.mock` in tests, and tested code that could answer with its objects.

`ANY` and configured mocks are equal to everything. Tests may use them; code that they test may not
even reach for them, as whatever it returned would pass.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

MOCKS: Final = frozenset({"unittest.mock", "mock"})
_REACHING: Final = frozenset({
    *("__eq__", "__import__", "__subclasses__", "_getframe", "configure_mock", "eval", "exec"),
    *("f_globals", "f_locals", "get_objects", "get_referents", "get_referrers", "import_module"),
    *("modules", "run_path"),
})  # fmt: skip
"""Names with which code can reach for objects of other modules, or set how mocks compare."""


def imports_mocks(trees: Mapping[str, ast.Module]) -> bool:
    """Return whether one of the files imports `unittest.mock`."""
    return any(MOCKS.intersection(_list_modules(node)) for node in _walk(trees))


def find_mock_abuse(sources: Mapping[str, ast.Module], *, tests_use_mocks: bool) -> str | None:
    """Return why tested code could answer with objects that are equal to everything.

    Where the tests have not loaded `unittest.mock`, loading it is found out while they run.
    """
    for path, tree in sources.items():
        for node in ast.walk(tree):
            if MOCKS.intersection(_list_modules(node)):
                return f"{path} imports unittest.mock, whose objects can be equal to anything"
            name = _get_name(node) if tests_use_mocks else None
            if name is not None and (name in _REACHING or "unittest.mock" in name):
                return (
                    f"{path} names {name[:100]!r}, with which it could answer with the mocks of "
                    "the tests, which can be equal to anything"
                )
    return None


def _walk(trees: Mapping[str, ast.Module]) -> Iterator[ast.AST]:
    for tree in trees.values():
        yield from ast.walk(tree)


def _list_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
    return []


def _get_name(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(attr=name) | ast.alias(name=name):
            return name
        case ast.Name(id=("__import__" | "eval" | "exec") as name):  # others must be imported
            return name
        case ast.Constant(value=str(name)):
            return name
        case _:
            return None
