"""A review of Python code that reports only what the syntax tree shows."""

import ast
import re
from dataclasses import dataclass
from operator import attrgetter
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


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong in one line of Python code."""

    line: int
    severity: str
    what: str
    fix: str = ""

    def to_sentence(self) -> str:
        """Return it as a sentence."""
        return f"Line {self.line}: {self.what}{'; ' if self.fix else ''}{self.fix}."


def review_code(code: str) -> list[Remark]:
    """Return remarks on Python code, in the order of its lines.

    Code that does not parse has one remark, which names the line of the syntax error.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        what = "this is not valid Python, so nothing else could be read"
        return [Remark(line or 1, "critical", what)]
    found = [remark for node in ast.walk(tree) for remark in _review_node(node)]
    return sorted(found, key=attrgetter("line", "what"))


def _review_node(node: ast.AST) -> list[Remark]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _review_function(node)
        case ast.ExceptHandler():
            return _review_handler(node)
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=None)]):
            return [Remark(node.lineno, "low", "compare with None by `is`, not by `==`")]
        case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
            what = f"`{name}` runs whatever it is given"
            return [Remark(node.lineno, "critical", what, "parse the text instead")]
        case _:
            return []


def _review_handler(node: ast.ExceptHandler) -> list[Remark]:
    found = []
    if node.type is None:
        what = "a bare except also catches KeyboardInterrupt"
        found.append(Remark(node.lineno, "high", what, "name the error"))
    if all(isinstance(statement, ast.Pass) for statement in node.body):
        what = "the error is dropped in silence"
        found.append(Remark(node.lineno, "high", what, "raise it, or at least log it"))
    return found


def _review_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Remark]:
    found = []
    defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    if any(isinstance(default, ast.List | ast.Dict | ast.Set) for default in defaults):
        what = f"`{node.name}` has a mutable default, which all its calls share"
        found.append(Remark(node.lineno, "medium", what, "use None"))
    if not ast.get_docstring(node):
        found.append(Remark(node.lineno, "low", f"`{node.name}` has no docstring"))
    if node.returns is None:
        what = f"`{node.name}` does not say what type it returns"
        found.append(Remark(node.lineno, "low", what))
    if (node.end_lineno or node.lineno) - node.lineno >= _LONG_FUNCTION:
        what = f"`{node.name}` is longer than {_LONG_FUNCTION} lines"
        found.append(Remark(node.lineno, "low", what, "split it"))
    return found
