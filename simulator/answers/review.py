"""A review of Python code that reports only what the syntax tree shows."""

import ast
import re
from typing import Final

_FENCE: Final = re.compile(r"```[\w+-]*\n(?P<code>.*?)```", re.DOTALL)
_CODE_START: Final = re.compile(r"^(?:from \w|import \w|def \w|class \w|async def \w|@\w)", re.M)
_LONG_FUNCTION: Final = 50


def extract_prompt_code(prompt: str) -> str:
    """Return the code in a prompt: its first fence, else everything from its first statement.

    Without a fence, prose may follow the code: paragraphs are dropped from the end until the rest
    parses. If nothing parses, all of it counts as code.
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


def review_code(code: str) -> list[str]:
    """Return the findings about Python code, one sentence each, in the order of its lines.

    Code that does not parse has one finding, which names the line of the syntax error.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        return [f"Line {line or 1}: this is not valid Python, so nothing else could be read."]
    found = [(line, text) for node in ast.walk(tree) for line, text in _review_node(node)]
    return [f"Line {line}: {text}" for line, text in sorted(found)]


def _review_node(node: ast.AST) -> list[tuple[int, str]]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [(node.lineno, text) for text in _review_function(node)]
        case ast.ExceptHandler():
            return [(node.lineno, text) for text in _review_handler(node)]
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=None)]):
            return [(node.lineno, "compare with None by `is`, not by `==`.")]
        case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
            return [(node.lineno, f"`{name}` runs whatever it is given; parse the text instead.")]
        case _:
            return []


def _review_handler(node: ast.ExceptHandler) -> list[str]:
    texts = []
    if node.type is None:
        texts.append("a bare except also catches KeyboardInterrupt; name the error.")
    if all(isinstance(statement, ast.Pass) for statement in node.body):
        texts.append("the error is dropped in silence; raise it, or at least log it.")
    return texts


def _review_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
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
