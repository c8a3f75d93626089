"""Changes to the syntax tree of tests: imports, marks at the ends of tests, and cases."""

import ast
from typing import Final

from agents.sandbox.harness.run_plan import FilePlan, has_assert, iterate_tests

END: Final = "@cogo_end"
CASE: Final = "@cogo_case"
"""Names that no source can contain; the reporter puts them into `builtins`."""

MAX_LABEL: Final = 120


def instrument(tree: ast.Module, plan: FilePlan) -> None:
    """Change the tree of one file of tests in place."""
    if plan.is_script:
        _make_test(tree, plan.entry_point)
    else:
        tree.body = [node for node in tree.body if not _runs_tests(node)]
    for _, function in iterate_tests(tree):
        if token := plan.tokens.get(function.name):
            _mark_end(function, token)
    place = _skip_header(tree)
    new: list[ast.stmt] = [
        ast.ImportFrom(module=module, names=[ast.alias(name=name) for name in names], level=0)
        for module, names in plan.imports.items()
    ]
    new += [ast.Import(names=[ast.alias(name=module)]) for module in plan.imported_modules]
    for each in new:
        each.lineno = each.end_lineno = 1
        each.col_offset = each.end_col_offset = 0
    tree.body[place:place] = new
    ast.fix_missing_locations(tree)


def _skip_header(tree: ast.Module) -> int:
    """Return the place after the docstring and the imports from `__future__`."""
    for index, node in enumerate(tree.body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_future or (index == 0 and is_text)):
            return index
    return len(tree.body)


def _mark_end(function: ast.FunctionDef | ast.AsyncFunctionDef, token: str) -> None:
    """Send the token of a test where its body ends, and before each `return`."""
    marker = _Returns(token)
    function.body = [each for node in function.body for each in marker.mark(node)]
    function.body.append(_call_end(token, at=function.body[-1]))


class _Returns(ast.NodeTransformer):
    def __init__(self, token: str) -> None:
        self._token = token

    def mark(self, node: ast.stmt) -> list[ast.stmt]:
        changed = self.visit(node)
        return changed if isinstance(changed, list) else [changed]

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        return [_call_end(self._token, at=node), node]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        return node


def _call_end(token: str, *, at: ast.stmt) -> ast.stmt:
    call = ast.Call(func=ast.Name(id=END, ctx=ast.Load()), args=[ast.Constant(token)], keywords=[])
    return ast.copy_location(ast.Expr(call), at)


def _make_test(tree: ast.Module, entry_point: str | None) -> None:
    """Move a script into a test function, in which each statement that asserts is a case."""
    body = [each for node in tree.body for each in _unwrap_main(node)]
    for node in body:
        if isinstance(node, ast.FunctionDef) and has_assert(node):
            node.body = [_wrap_case(each) for each in node.body]
    split = next((index for index, node in enumerate(body) if _runs_something(node)), len(body))
    kept, moved = body[:split], body[split:]
    kept += [node for node in moved if _is_star_import(node)]
    steps = [_wrap_case(node) for node in moved if not _is_star_import(node)]
    if entry_point is not None:
        name = ast.Name(id=entry_point, ctx=ast.Load())
        steps.append(
            ast.Expr(ast.Call(func=ast.Name(id="check", ctx=ast.Load()), args=[name], keywords=[]))
        )
    if not any(has_assert(each) for each in body):
        tree.body = kept + steps  # nothing is tested
        return
    if names := sorted(_list_bound(steps)):
        steps.insert(0, ast.Global(names=names))
    source = "def test_script(): pass"
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 - for the type checker
    function.body = steps
    tree.body = [*kept, function]


def _unwrap_main(node: ast.stmt) -> list[ast.stmt]:
    """Return the body of `if __name__ == "__main__"`, without runners of tests."""
    if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
        return [each for inner in node.body for each in _unwrap_main(inner)]
    return [] if _runs_tests(node) else [node]


def _runs_tests(node: ast.stmt) -> bool:
    """Return whether a statement starts a runner of tests, which ours replaces."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    return ast.unparse(node.value.func) in {"unittest.main", "pytest.main", "doctest.testmod"}


def _runs_something(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return is_call or has_assert(node)


def _is_star_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _wrap_case(node: ast.stmt) -> ast.stmt:
    """Put a statement that asserts something into a `with` that records how it ended."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Return):
        return node
    if not has_assert(node) or any(isinstance(each, ast.Return) for each in ast.walk(node)):
        return node
    text = " ".join(ast.unparse(node).split())
    label = f"line {node.lineno}: {text}"[:MAX_LABEL]
    call = ast.Call(func=ast.Name(id=CASE, ctx=ast.Load()), args=[ast.Constant(label)], keywords=[])
    return ast.copy_location(ast.With(items=[ast.withitem(context_expr=call)], body=[node]), node)


def _list_bound(nodes: list[ast.stmt]) -> set[str]:
    """Return the names that statements bind in the scope in which they stand."""
    bound: set[str] = set()
    pending: list[ast.AST] = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
            continue
        if isinstance(
            node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda
        ):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            bound.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((each.asname or each.name).partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        pending.extend(ast.iter_child_nodes(node))
    return bound
