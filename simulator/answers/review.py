"""A review of Python code that is honest: it reports only what the syntax tree shows."""

import ast
import re
from typing import Final

_FENCE: Final = re.compile(r"```[\w+-]*\n(?P<code>.*?)```", re.DOTALL)
_CODE_START: Final = re.compile(r"^(?:from \w|import \w|def \w|class \w|async def \w|@\w)", re.M)
_LONG_FUNCTION: Final = 50


def code_in(prompt: str) -> str:
    """Return the code that a prompt carries: its first fence, else from its first statement on.

    Without a fence, what follows the code may be prose again: as many paragraphs as needed are
    dropped from the end to leave something that parses. When nothing does, all of it is code.
    """
    if fence := _FENCE.search(prompt):
        return fence["code"]
    start = _CODE_START.search(prompt)
    if start is None:
        return ""
    paragraphs = prompt[start.start() :].split("\n\n")
    candidates = ("\n\n".join(paragraphs[:end]) for end in range(len(paragraphs), 0, -1))
    return next(filter(_is_python, candidates), "\n\n".join(paragraphs))


def _is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def findings(code: str) -> list[str]:
    """List what is wrong with Python code, one sentence each, in the order of its lines.

    Code that does not parse gets one finding that says where it stops being Python.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        return [f"Line {line or 1}: this is not valid Python, so nothing else could be read."]
    found = [(line, text) for node in ast.walk(tree) for line, text in _of(node)]
    return [f"Line {line}: {text}" for line, text in sorted(found)]


def _of(node: ast.AST) -> list[tuple[int, str]]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [(node.lineno, text) for text in _of_function(node)]
        case ast.ExceptHandler():
            return [(node.lineno, text) for text in _of_handler(node)]
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=None)]):
            return [(node.lineno, "compare with None by `is`, not by `==`.")]
        case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
            return [(node.lineno, f"`{name}` runs whatever it is given; parse the text instead.")]
        case _:
            return []


def _of_handler(node: ast.ExceptHandler) -> list[str]:
    texts = []
    if node.type is None:
        texts.append("a bare except also catches KeyboardInterrupt; name the error.")
    if all(isinstance(statement, ast.Pass) for statement in node.body):
        texts.append("the error is dropped in silence; raise it, or at least log it.")
    return texts


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    texts = []
    defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    if any(isinstance(default, ast.List | ast.Dict | ast.Set) for default in defaults):
        texts.append(f"`{node.name}` has a mutable default, which all its calls share; use None.")
    if not ast.get_docstring(node):
        texts.append(f"`{node.name}` has no docstring.")
    if node.returns is None:
        texts.append(f"`{node.name}` does not say what type it returns.")
    if (node.end_lineno or node.lineno) - node.lineno >= _LONG_FUNCTION:
        texts.append(f"`{node.name}` is longer than {_LONG_FUNCTION} lines; split it.")
    return texts
