"""What is shown of files to models that only use them. Pure."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agents.extraction.languages import get_language
from agents.quoting import enclose

MAX_SHOWN_CHARACTERS: Final = 24_000
"""Characters of all files together that a prompt shows in full."""
MAX_OUTLINED: Final = 100_000
"""Characters of a file whose syntax tree is read."""
_BEGINNING: Final = 2_000
"""Characters that are shown of a file that cannot be outlined."""

Statement = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def show_files(files: Mapping[str, str], room: int = MAX_SHOWN_CHARACTERS) -> str:
    """Return files for a prompt: the shortest in full while there is room, of others the outline.

    Their order is that of `files`.
    """
    whole = set()
    for path in sorted(files, key=lambda each: len(files[each])):
        room -= len(files[path])
        if room < 0:
            break
        whole.add(path)
    return "\n\n".join(
        enclose("file", text, path=path)
        if path in whole
        else enclose("outline", outline_file(path, text), of=path)
        for path, text in files.items()
    )


def outline_file(path: str, text: str) -> str:
    """Return what others may use of a file: for Python its public signatures, else its start."""
    outline = _outline_python(text) if get_language(path) == "python" else ""
    if outline:
        return outline
    return text if len(text) <= _BEGINNING else f"{text[:_BEGINNING]}\n[...]"


def find_named_files(files: Iterable[str], told: str) -> list[str]:
    """Return the files that a text names, by their path or its last part."""
    return [path for path in files if path in told or path.rpartition("/")[2] in told]


def _outline_python(text: str) -> str:
    if len(text) > MAX_OUTLINED:
        return ""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return "\n".join(_outline_body(tree.body, ""))


def _outline_body(body: Iterable[ast.stmt], indent: str) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if not node.name.startswith("_") or node.name == "__init__":
                    yield from _outline_statement(node, indent)
            case ast.Assign(targets=[ast.Name(id=name)]) if not name.startswith("_"):
                yield f"{indent}{name} = ..."
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                yield f"{indent}{name}: {ast.unparse(node.annotation)}"
            case _:
                pass


def _outline_statement(node: Statement, indent: str) -> Iterator[str]:
    is_class = isinstance(node, ast.ClassDef)
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, node.bases))
        yield f"{indent}class {node.name}{f'({bases})' if bases else ''}:"
    else:
        start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        yield f"{indent}{start} {node.name}({ast.unparse(node.args)}){result}: ..."
    inner = f"{indent}    "
    if doc := ast.get_docstring(node):
        yield f'{inner}"""{doc.splitlines()[0][:200]}"""'
    if is_class:
        yield from _outline_body(node.body, inner)
