"""The entry point of `cogo` and `python -m cogo`."""

import atexit
import gc
import os
import sys
from typing import Final, NoReturn

from cogo import PACKAGES

_CONFIGURATION: Final = 78
_INTERRUPTED: Final = 130
_GC_THRESHOLD: Final = 50_000
"""Imported objects are never freed; with Python's default of 700, collections take a tenth of the
start-up time."""


def main() -> NoReturn:
    """Run the command line; explain an import error that another distribution causes."""
    _open_streams()
    gc.set_threshold(_GC_THRESHOLD)
    atexit.register(gc.freeze)  # or the interpreter searches all objects for garbage as it ends
    try:
        from cogo.cli.app import run  # noqa: PLC0415 - an ImportError is handled here

        code = run(sys.argv[1:], is_program=True)
    except ImportError as error:
        code = _explain(error)
    except KeyboardInterrupt:
        code = _INTERRUPTED  # during imports; commands handle it themselves
    _flush()
    sys.exit(code)


def _open_streams() -> None:
    """Open the standard streams that are closed (`>&-`), or files would take their place."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = os.O_RDONLY if name == "stdin" else os.O_WRONLY
            nowhere = os.open(os.devnull, mode)  # the lowest number that is free, so its own
            setattr(sys, name, os.fdopen(nowhere, "r" if name == "stdin" else "w"))


def _flush() -> None:
    """Flush the output; discard it if its reader is gone, or the exit code would be 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(error: ImportError) -> int:
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - rarely needed

    top = (error.name or "").partition(".")[0]
    owners = set(packages_distributions().get(top, ())) - {"cogo"}
    if top in PACKAGES and owners:
        text = (
            f"cogo: the package '{top}' here belongs to {', '.join(sorted(owners))}, not to COGO; "
            "install COGO in its own environment: uv tool install cogo"
        )
    else:
        text = f"cogo: {error}; reinstall COGO: uv tool install --reinstall cogo"
    sys.stderr.write(text + "\n")
    return _CONFIGURATION


if __name__ == "__main__":
    main()
