"""Record which functions of this checkout a process calls, and when.

Python imports a module of this name at its start if its directory is on PYTHONPATH. Each process
writes its records to a file in $TASK_WALK_OUTPUT when it ends.
"""

import atexit
import json
import os
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = f"{Path(__file__).resolve().parents[2]}/"
OUTPUT = os.environ.get("TASK_WALK_OUTPUT")
TICKS_PER_SECOND = 20

_calls: defaultdict[tuple[str, str], set[int]] = defaultdict(set)


def _record(frame: FrameType, event: str, _argument: Any) -> None:
    if event == "call":
        code = frame.f_code
        if code.co_filename.startswith(ROOT) and "/.venv/" not in code.co_filename:
            place = code.co_filename.removeprefix(ROOT), code.co_qualname
            _calls[place].add(int(time.time() * TICKS_PER_SECOND))


def _write() -> None:
    rows = [[file, name, sorted(ticks)] for (file, name), ticks in list(_calls.items())]
    Path(str(OUTPUT), f"{os.getpid()}.json").write_text(json.dumps(rows), "utf-8")


def _start() -> None:
    _calls.clear()
    threading.setprofile(_record)
    sys.setprofile(_record)
    atexit.register(_write)


if OUTPUT:
    _start()
    os.register_at_fork(after_in_child=_start)
