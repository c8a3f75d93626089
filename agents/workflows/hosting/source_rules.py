"""Determinism: what the file of a workflow must not import or call."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_CLOCK: Final = "a replay must see the same time; use run.now, and run.sleep_until to wait"
_CHANCE: Final = "a replay must draw the same numbers; use run.random"
_LOOP: Final = "a workflow has no event loop; use run.all, run.first, run.settled and run.branch"
_NETWORK: Final = "a workflow reaches nothing but its steps; use run.ask, run.call or run.event"
_PROCESS: Final = "a workflow does no input or output; use run.check, or a tool with run.call"

_MODULES: Final[Mapping[str, str]] = {
    module: why
    for modules, why in (
        (("sched", "time"), _CLOCK),
        (("random", "secrets"), _CHANCE),
        (("anyio", "asyncio", "concurrent", "multiprocessing", "threading", "trio"), _LOOP),
        (("aiohttp", "ftplib", "http", "httpx", "httpx2", "imaplib", "requests"), _NETWORK),
        (("smtplib", "socket", "ssl", "urllib", "urllib3", "websockets", "xmlrpc"), _NETWORK),
        (("anthropic", "fireworks", "google", "openai", "supabase"), _NETWORK),
        (("asyncpg", "psycopg", "psycopg2", "redis", "sqlalchemy", "sqlite3"), _NETWORK),
        (("ctypes", "fileinput", "glob", "importlib", "os", "pty", "shutil"), _PROCESS),
        (("signal", "subprocess", "tempfile"), _PROCESS),
    )
    for module in modules
}
_CALLS: Final[Mapping[str, str]] = {
    **dict.fromkeys((f"datetime.datetime.{name}" for name in ("now", "today", "utcnow")), _CLOCK),
    "datetime.date.today": _CLOCK,
    **dict.fromkeys((f"uuid.{name}" for name in ("uuid1", "uuid4", "uuid6", "uuid7")), _CHANCE),
    **dict.fromkeys(("__import__", "breakpoint", "eval", "exec", "input", "open"), _PROCESS),
}


_TOOL: Final = "cogo.workflows.tool"
_WORKFLOW: Final = "cogo.workflows.workflow"


class SourceProblem(NamedTuple):
    """A line that would make replays differ."""

    file: str
    line: int
    what: str
    why: str

    def __str__(self) -> str:
        """Return the place, what is refused and the reason."""
        return f"{self.file}:{self.line}: {self.what} is refused in a workflow: {self.why}"


def find_source_problems(source: str, file: str) -> list[SourceProblem]:
    """Return what a workflow's file must not contain, in the order of its lines.

    Imports for types only (`if TYPE_CHECKING:`) are allowed. Raises SyntaxError.
    """
    tree = ast.parse(source, file)
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for part in node.body
        for inner in ast.walk(part)
    }
    names: dict[str, str] = {}
    problems = [
        SourceProblem(file, node.lineno, f"import {module}", why)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in skipped
        for module, why in _list_refused_imports(node, names)
    ]
    problems += [
        SourceProblem(file, node.lineno, f"{called}()", _CALLS[called])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (called := _resolve(node.func, names)) in _CALLS
    ]
    return sorted(problems, key=lambda each: each.line)


def check_module_file(file: Path) -> list[SourceProblem]:
    """Return the problems of a module's file, or of all files of a package.

    Files with tools beside them may do what they want: they run elsewhere.
    """
    if file.name != "__init__.py":
        return find_source_problems(file.read_text("utf-8"), str(file))
    sources = {each: each.read_text("utf-8") for each in sorted(file.parent.rglob("*.py"))}
    return [
        problem
        for each, source in sources.items()
        if not _has_only_tools(source, str(each))
        for problem in find_source_problems(source, str(each))
    ]


def _has_only_tools(source: str, file: str) -> bool:
    """Return whether a file defines tools and no workflow."""
    tree = ast.parse(source, file)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            list(_list_refused_imports(node, names))
    used = {
        _resolve(each.func if isinstance(each, ast.Call) else each, names)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in node.decorator_list
    }
    return _TOOL in used and _WORKFLOW not in used


def _list_refused_imports(
    node: ast.Import | ast.ImportFrom, names: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the refused modules that a line imports, and note its names in `names`."""
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        names.update({each.asname or each.name: f"{module}.{each.name}" for each in node.names})
        modules = [module] if node.level == 0 else []
    else:
        names.update({each.asname: each.name for each in node.names if each.asname})
        modules = [each.name for each in node.names]
    for module in modules:
        why = _MODULES.get(module.partition(".")[0])
        if why is not None:
            yield module, why


def _resolve(function: ast.expr, names: Mapping[str, str]) -> str:
    """Return the dotted name of what is called, with the names of imports replaced."""
    parts: list[str] = []
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        return ""
    first = names.get(function.id, function.id)
    return ".".join([first, *reversed(parts)])
