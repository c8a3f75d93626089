"""Plan of a test run: what the tests need from the tested code, and which tests must report.

Everything here is read from the source, before any of it runs.
"""

import ast
import builtins
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from agents.sandbox.harness.mocks import find_mock_abuse, imports_mocks

TESTED_MODULE: Final = "solution"
_BUILTINS: Final = frozenset(dir(builtins)) | {"__file__", "__name__"}


class Unparsable(Exception):
    """A file is not valid Python."""

    def __init__(self, path: str, error: SyntaxError | ValueError | RecursionError) -> None:
        line = error.lineno if isinstance(error, SyntaxError) else None
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        super().__init__(f"{path}, line {line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.text = (error.text or "").strip() if isinstance(error, SyntaxError) else ""


@dataclass(slots=True)
class FilePlan:
    """What has to be done to one file of tests when it is imported."""

    imports: dict[str, list[str]] = field(default_factory=dict)
    """Names that the tests use without importing them, by module."""
    imported_modules: list[str] = field(default_factory=list)
    """Modules that they use in the same way."""
    expected: set[str] = field(default_factory=set)
    """Tests that the source defines, such as `test_a` and `TestB::test_c`."""
    tokens: dict[str, str] = field(default_factory=dict)
    """For each name of a test function, what it must send when it has reached its end."""
    is_script: bool = False
    """The file has assertions, but no test functions: its statements are the tests."""
    entry_point: str | None = None
    """The function to pass to `check(candidate)`, if nothing in the file calls it."""


@dataclass(slots=True)
class RunPlan:
    """The plan of all files; `aliases` are names by which the tests know the tested modules."""

    modules: dict[str, str]
    """Paths of the tested modules, by name."""
    files: dict[str, FilePlan] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)
    """The tested modules that the tests import."""
    suspicious: str | None = None
    """Why the tested code is not run, if it reaches for mocks."""
    uses_mocks: bool = False
    """Whether the tests import `unittest.mock`."""


def plan_run(
    sources: Mapping[str, str],
    tests: Mapping[str, str],
    *,
    entry_point: str | None = None,
    is_stub: bool = False,
) -> RunPlan:
    """Plan a run of `tests` on `sources`, both by path. Raise Unparsable."""
    trees = {path: parse_source(path, text) for path, text in sources.items()}
    entry_point = entry_point or _find_last_function(trees)
    if is_stub:
        entry_point = entry_point or "stub"
        trees = {path: ast.Module(body=[], type_ignores=[]) for path in trees}
    modules = {name_module(path): path for path in trees} or {TESTED_MODULE: "solution.py"}
    names = {module: _list_defined(trees.get(path)) for module, path in modules.items()}
    plan = RunPlan(modules=modules)
    test_trees = {path: parse_source(path, text) for path, text in tests.items()}
    plan.uses_mocks = imports_mocks(test_trees)
    plan.suspicious = find_mock_abuse(trees, tests_use_mocks=plan.uses_mocks)
    for path, tree in test_trees.items():
        planned = plan.files[path] = _plan_file(tree, names, is_stub=is_stub)
        if planned.is_script:
            planned.entry_point = _find_entry_point(tree, entry_point)
            if planned.entry_point is not None:
                _add_import(planned, names, planned.entry_point, is_stub=is_stub)
        for module, imported in _list_imports(tree):
            target = module if module in modules else None
            if target is None and (target := _find_alias(module, imported, names, is_stub=is_stub)):
                plan.aliases[module] = target
            if target is not None:
                plan.needed.append(target)
        plan.needed += [*planned.imports, *planned.imported_modules]
    plan.needed = list(dict.fromkeys(plan.needed if tests else modules))
    return plan


def parse_source(path: str, text: str) -> ast.Module:
    """Parse one file. Raise Unparsable."""
    try:
        return ast.parse(text, filename=path)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Unparsable(path, error) from error


def name_module(path: str) -> str:
    """Return the name by which a file can be imported; folder `src` is on the path itself."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if len(parts) > 1 and parts[0] == "src":
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def has_assert(node: ast.AST) -> bool:
    """Return whether an assertion stands anywhere in `node`."""
    return any(isinstance(each, ast.Assert) for each in ast.walk(node))


def _plan_file(tree: ast.Module, names: Mapping[str, set[str]], *, is_stub: bool) -> FilePlan:
    plan = FilePlan()
    for name in sorted(_list_undefined(tree)):
        _add_import(plan, names, name, is_stub=is_stub)
    for test, function in iterate_tests(tree):
        plan.expected.add(test)
        plan.tokens.setdefault(function.name, os.urandom(8).hex())
    if not plan.expected and has_assert(tree):
        plan.is_script = True
        plan.expected.add("test_script")
        plan.tokens["test_script"] = os.urandom(8).hex()
    return plan


def _add_import(plan: FilePlan, names: Mapping[str, set[str]], name: str, *, is_stub: bool) -> None:
    homes = [module for module, defined in names.items() if name in defined]
    if not homes and name in names:  # a function may have the name of its file
        plan.imported_modules.append(name)
        return
    if not homes and is_stub:
        homes = list(names)
    if homes:
        plan.imports.setdefault(homes[0], []).append(name)


def iterate_tests(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Iterate over the tests that pytest will find, with their names below the file."""
    for node in tree.body:
        if _is_test_function(node):
            yield node.name, node  # type: ignore[attr-defined,misc]
        elif isinstance(node, ast.ClassDef) and _is_test_class(node):
            for each in node.body:
                if _is_test_function(each):
                    yield f"{node.name}::{each.name}", each  # type: ignore[attr-defined,misc]


def _is_test_function(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    decorators = [ast.unparse(each) for each in node.decorator_list]
    return node.name.startswith("test") and not any("fixture" in each for each in decorators)


def _is_test_class(node: ast.ClassDef) -> bool:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name in {"__init__", "__new__"}:
            return False
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__test__":
            return False
    is_case = any(ast.unparse(base).endswith("TestCase") for base in node.bases)
    return is_case or node.name.startswith("Test")


def _list_undefined(tree: ast.Module) -> set[str]:
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
            case ast.Import() | ast.ImportFrom():
                bound.update((each.asname or each.name).partition(".")[0] for each in node.names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case _:
                pass
    return used - bound - _BUILTINS


def _list_defined(tree: ast.Module | None) -> set[str]:
    """Return the names that a module has at its top level, also within `if` and `try`."""
    defined: set[str] = set()
    pending: list[ast.AST] = list(tree.body) if tree else []
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defined.update((each.asname or each.name).partition(".")[0] for each in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        else:
            pending.extend(ast.iter_child_nodes(node))
    return defined


def _list_imports(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, [each.name for each in node.names]
        elif isinstance(node, ast.Import):
            for each in node.names:
                bound = each.asname or each.name
                yield each.name, _list_attributes(tree, bound)


def _list_attributes(tree: ast.Module, name: str) -> list[str]:
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    ]


def _find_alias(
    module: str, imported: Iterable[str], names: Mapping[str, set[str]], *, is_stub: bool
) -> str | None:
    """Return the tested module that the tests mean by a name that nothing else has."""
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names or root in {"pytest", "_pytest"}:
        return None
    if any(each == root or each.startswith(f"{root}.") for each in names):
        return None
    last = module.rpartition(".")[2]
    alike = [each for each in names if each.rpartition(".")[2] == last]
    found = alike[0] if alike else next(iter(names)) if len(names) == 1 else None
    if found is None or is_stub:
        return found
    return found if {*imported} - {"*"} <= names[found] else None


def _find_entry_point(tree: ast.Module, function: str | None) -> str | None:
    """Return `function` if the file defines `check(candidate)` and nothing in it calls that."""
    check = next(
        (each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "check"),
        None,
    )
    if check is None or len(check.args.args) != 1:
        return None
    calls = (each for each in ast.walk(tree) if isinstance(each, ast.Call))
    return None if any(ast.unparse(each.func) == "check" for each in calls) else function


def _find_last_function(trees: Mapping[str, ast.Module]) -> str | None:
    """Return the last public function of the tested code; helpers usually stand above it."""
    functions = [
        node.name
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    return functions[-1] if functions else None
