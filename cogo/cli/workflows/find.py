"""The workflows of a project, for commands."""

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from agents.workflows.engine import Workflow, WorkflowInvalid
from agents.workflows.hosting.child import MEMORY_BYTES
from agents.workflows.hosting.host import CPU_SECONDS, LOAD_SECONDS
from agents.workflows.hosting.loading import ModuleRefused, load_file, load_module, merge_workflows
from agents.workflows.registry import WORKFLOWS
from cogo.config.context import Project
from cogo.config.sections.modules import find_workflow_modules
from cogo.errors import CommandError, UsageError


def load_workflow(project: Project, type_: str, file: Path | None) -> Workflow:
    """Return the workflow of a type, from `file` or those of the project, in this process.

    Raises CommandError.
    """
    try:
        if file is not None:
            sys.path.append(str(file.resolve().parent))
            known = {each.type: each for each in load_file(file.resolve())}
        else:
            known = dict(WORKFLOWS) if type_ in WORKFLOWS else _load_all(project)
    except (ModuleRefused, WorkflowInvalid) as error:
        raise CommandError(str(error)) from error
    if type_ not in known:
        raise UsageError(f"there is no workflow {type_}, only {', '.join(sorted(known))}")
    return known[type_]


def _load_all(project: Project) -> dict[str, Workflow]:
    found = find_workflow_modules(project)
    sys.path += [str(folder) for folder in found.folders]
    return merge_workflows(WORKFLOWS, [each for name in found.names for each in load_module(name)])


@contextmanager
def limit_workflow() -> Iterator[Callable[[], None]]:
    """Limit time and memory of workflows in this process as orchestrators do.

    Yield a function to call after each advance. A workflow that takes longer ends the process, with
    the line where it was; one that takes more memory gets a MemoryError.
    """
    if threading.current_thread() is not threading.main_thread():  # only there signals arrive
        yield lambda: None
        return

    def end_process(_: int, frame: FrameType | None) -> None:
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"
        sys.stderr.write(
            f"cogo: the workflow takes too long at {place}; in an orchestrator one advance may "
            f"take {CPU_SECONDS:g} s of CPU time, then the task fails (workflow_stuck)\n"
        )
        sys.stderr.flush()
        os._exit(1)  # an exception could be caught by the workflow

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, end_process)
    try:
        limit = _count_address_space() + MEMORY_BYTES
        if hard == resource.RLIM_INFINITY or hard > limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        _set_timer(LOAD_SECONDS)
        # Each advance is computed twice.
        yield lambda: _set_timer(2 * CPU_SECONDS)
    finally:
        _set_timer(0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _count_address_space() -> int:
    """Return the bytes that this process has reserved before; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _set_timer(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
