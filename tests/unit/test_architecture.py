"""Rules of CONTRIBUTING.md about code that no linter knows."""

import ast
import importlib
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.sources import (
    PACKAGES,
    ROOT,
    Function,
    functions,
    parse,
    product_modules,
    relative,
    tracked,
)

MAX_FILE_LINES: Final = 400
MAX_FUNCTION_LINES: Final = 50
"""Of the body: the signature of a command lists its options."""
MAX_MODULES_IN_FOLDER: Final = 12
IDIOMS: Final = frozenset({"main"})
PARTICIPLES: Final = frozenset(
    {"begun", "brought", "built", "chosen", "drawn", "found", "given", "gone", "grown", "heard"}
    | {"held", "kept", "known", "left", "lost", "made", "meant", "said", "seen", "sent", "shown"}
    | {"spent", "taken", "thought", "told", "unsent", "written"}
)
"""Those that do not end in -ed and are no verb's first form."""
VERBS_IN_ED: Final = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed", "succeed"})
STATES: Final = frozenset({"settled"})
"""Methods that are named for the state for which a workflow waits: all, first, settled."""
OPENINGS_REFUSED: Final = frozenset(
    {"give", "how", "let", "say", "tell", "what", "when", "where", "whether", "which", "who"}
    | {"whoever", "whom", "whose", "why"}
)
"""First words of docstrings. Linter D401 refuses nouns and other forms of verbs."""

SLEEPING_TESTS: Final = frozenset(
    {
        "tests/contract/transport/local_http/test_waiting.py",  # timeouts of real sockets
        "tests/integration/agents/test_lease_keeper.py",  # the keeper's thread has a real clock
        "tests/integration/agents/test_without_orchestrator.py",  # a heartbeat beside the test
    }
)


def test_no_file_of_code_is_longer_than_the_wall() -> None:
    sources = tracked("*.py", "supabase/schemas/*.sql", "embedded/*.sql")

    long = {relative(path): lines for path in sources if (lines := _lines(path)) > MAX_FILE_LINES}

    assert not long


def test_no_function_is_longer_than_the_wall() -> None:
    long = {
        f"{relative(path)}:{function.name}": length
        for path in product_modules()
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.body[0].lineno + 1) > MAX_FUNCTION_LINES
    }

    assert not long


def test_no_folder_has_more_modules_than_a_reader_can_survey() -> None:
    modules = Counter(
        relative(path.parent)
        for path in [*product_modules(), *tracked("tests/support/*.py")]
        if path.name != "__init__.py"
    )

    crowded = {each: count for each, count in modules.items() if count > MAX_MODULES_IN_FOLDER}

    assert not crowded


def test_no_public_name_is_defined_twice() -> None:
    """Commands and routes are named for what people type; nobody imports them by that name.

    providers/tool_calls can be used without the rest, and has an API of its own.
    """
    homes: dict[str, set[str]] = defaultdict(set)
    for path in product_modules():
        name = relative(path)
        if name.startswith(("cogo/cli/", "gateway/routes/", "providers/tool_calls/")):
            continue
        for node in parse(path).body:
            if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
                homes[node.name].add(name)

    twice = {name: paths for name, paths in homes.items() if len(paths) > 1 and name not in IDIOMS}

    assert not twice


def test_names_of_functions_begin_with_a_verb() -> None:
    wrong = {
        f"{relative(path)}:{function.name}"
        for path in product_modules()
        for function in functions(path)
        if function.name.endswith("_of") or _is_named_by_a_participle(function)
    }

    assert not wrong


def test_docstrings_of_functions_begin_with_what_they_do() -> None:
    wrong = [
        f"{relative(path)}:{function.lineno}: {line}"
        for path in product_modules()
        for function in functions(path)
        if (line := (ast.get_docstring(function) or "").partition("\n")[0])
        and line.split()[0].strip(",.:;").lower() in OPENINGS_REFUSED
        and not (_is_property(function) and line.startswith(("How ", "Whether ")))
    ]

    assert not wrong


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_its_public_names(name: str) -> None:
    package = importlib.import_module(name)

    for public in package.__all__:
        if not hasattr(package, public):
            importlib.import_module(f"{name}.{public}")


def test_only_a_package_and_its_own_tests_import_its_private_names() -> None:
    wrong = [
        f"{relative(path)}: from {node.module} import {name.name}"
        for path in tracked("*.py")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom)
        and (package := (node.module or "").partition(".")[0]) in PACKAGES
        and package not in path.relative_to(ROOT).parts
        for name in node.names
        if name.name.startswith("_") and not name.name.endswith("__")
    ]

    assert not wrong


def test_tests_have_no_packages_that_would_shadow_ours() -> None:
    assert not tracked("tests/**/__init__.py", "tests/__init__.py")


def test_tests_share_through_support_or_the_folder_in_which_they_lie() -> None:
    wrong = [
        f"{relative(path)} imports {module}"
        for path in tracked("tests/*.py")
        for module in _imported_modules(path)
        if module.startswith("tests.") and not _may_import(path, module)
    ]

    assert not wrong


def test_tests_wait_for_conditions_and_never_for_time() -> None:
    """Where time passes, `tests/support/virtual_time.py` or the database's clock lets it jump."""
    wrong = {
        relative(path)
        for path in tracked("tests/**/test_*.py")
        for _ in _calls_of_sleep(parse(path), in_virtual_time=False)
    }

    assert wrong == SLEEPING_TESTS


def test_no_file_has_the_marks_of_an_unfinished_merge() -> None:
    marked = subprocess.run(
        ["git", "-C", str(ROOT), "grep", "-lE", "^(<<<<<<<|>>>>>>>) "],
        capture_output=True,
        text=True,
        check=False,
    )

    assert not marked.stdout


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _is_named_by_a_participle(function: Function) -> bool:
    """Return whether a name begins so, unless what it returns makes that a question."""
    if _is_property(function) or function.name in STATES:
        return False
    if function.returns is not None and ast.unparse(function.returns) == "bool":
        return False
    word = function.name.strip("_").partition("_")[0]
    return word in PARTICIPLES or (word.endswith("ed") and word not in VERBS_IN_ED)


def _is_property(function: Function) -> bool:
    """Return whether a function is read as an attribute, and may be described as one."""
    decorators = {ast.unparse(each).rpartition(".")[2] for each in function.decorator_list}
    return bool(decorators & {"property", "cached_property"})


def _imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def _may_import(path: Path, module: str) -> bool:
    """Allow support, and modules of the same folder or one above that hold no tests."""
    *folder, name = module.split(".")
    if folder[:2] == ["tests", "support"]:
        return True
    return path.is_relative_to(ROOT.joinpath(*folder)) and not name.startswith("test_")


def _calls_of_sleep(node: ast.AST, *, in_virtual_time: bool) -> Iterator[ast.Call]:
    """Find calls that let real time pass; `sleep(0)` lets other tasks run."""
    if isinstance(node, Function):
        names = {ast.unparse(each) for each in node.decorator_list}
        in_virtual_time = in_virtual_time or "in_virtual_time" in names
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"asyncio.sleep", "sleep", "time.sleep"}
        and not in_virtual_time
        and not (isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls_of_sleep(child, in_virtual_time=in_virtual_time)
