"""The five tasks of the demo: the files of `examples/tasks`, as rows to insert."""

import json
from pathlib import Path

from pydantic import ValidationError

from cogo.config.settings import CHECKOUT
from cogo.errors import CommandError
from protocol.records import NewTask

CHECKED_OUT = CHECKOUT / "examples" / "tasks"
INSTALLED = Path(__file__).parent / "_tasks"


def load_tasks() -> dict[str, NewTask]:
    """Read the tasks in the order of their names. Raises CommandError, which names the file."""
    directory = CHECKED_OUT if CHECKED_OUT.is_dir() else INSTALLED
    return {path.stem.partition("-")[2]: _load(path) for path in sorted(directory.glob("*.json"))}


def _load(path: Path) -> NewTask:
    try:
        return NewTask.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, ValidationError) as error:
        raise CommandError(f"{path} is not a task: {error}") from error
