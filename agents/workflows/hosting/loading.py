"""Loading of modules with workflows."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType

from agents.workflows.engine import Workflow, WorkflowInvalid
from agents.workflows.hosting.source_rules import check_module_file


class ModuleRefused(Exception):
    """A module of workflows cannot be used; the message names its file and line."""


def load_module(name: str) -> list[Workflow]:
    """Import a module and return its workflows. Raises ModuleRefused.

    It is checked before it is imported, since importing runs it.
    """
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise ModuleRefused(f"module {name!r} cannot be found: {error}") from error
    except Exception as error:  # a package above it is imported to find it
        raise ModuleRefused(_describe_error(name, error)) from error
    if spec is None or spec.origin is None:
        raise ModuleRefused(f"module {name!r} cannot be found; is its folder beside cogo.toml?")
    return _load(name, Path(spec.origin), lambda: importlib.import_module(name))


def load_file(file: Path) -> list[Workflow]:
    """Import a file, whatever its name, and return its workflows. Raises ModuleRefused."""
    name = f"workflows_in_{file.stem}"  # a file may have the name of an installed module
    spec = importlib.util.spec_from_file_location(name, file)
    loader = None if spec is None else spec.loader
    if spec is None or loader is None:
        raise ModuleRefused(f"{file}: a file of workflows must end with .py")

    def execute() -> ModuleType:
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module

    return _load(name, file, execute)


def _load(name: str, file: Path, execute: Callable[[], ModuleType]) -> list[Workflow]:
    try:
        problems = check_module_file(file)
        module = None if problems else execute()
    except (Exception, SystemExit) as error:
        raise ModuleRefused(_describe_error(name, error)) from error
    if module is None:
        raise ModuleRefused("; ".join(map(str, problems[:3])))
    workflows = list_workflows(module)
    if not workflows:
        raise ModuleRefused(f"{file}: it has no workflow, a function with @workflow(TYPE)")
    return workflows


def list_workflows(module: ModuleType) -> list[Workflow]:
    """Return the workflows that a module or a package has as names, without those of others."""
    found = (each for each in vars(module).values() if isinstance(each, Workflow))
    own = (module.__name__, f"{module.__name__}.")
    return [each for each in found if each.module == own[0] or each.module.startswith(own[1])]


def merge_workflows(ours: Mapping[str, Workflow], users: Iterable[Workflow]) -> dict[str, Workflow]:
    """Return all workflows by their types. Raises WorkflowInvalid if two have the same one."""
    merged = dict(ours)
    for each in users:
        other = merged.setdefault(each.type, each)
        if other is not each:
            raise build_clash(each.type, other.module, each.module)
    return merged


def build_clash(type_: str, one: str, other: str) -> WorkflowInvalid:
    """Return the error for two workflows of one type."""
    return WorkflowInvalid(
        f"the type {type_} has two workflows, in {one} and in {other}; rename one of them"
    )


def _describe_error(name: str, error: BaseException) -> str:
    """Return an error with the file and the line that caused it."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    text = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    places = [each for each in frames if each.filename != __file__ and _is_file(each.filename)]
    if not places:
        return f"module {name!r} cannot be imported: {text}"
    return f"{places[-1].filename}:{places[-1].lineno}: {text}"


def _is_file(name: str) -> bool:
    """Return whether a frame is of a file other than Python's own machinery of imports."""
    return not name.startswith("<") and name != importlib.__file__
