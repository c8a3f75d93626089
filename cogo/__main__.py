"""The entry point: `cogo`, and `python -m cogo`."""

import os
import sys
from typing import Final, NoReturn

_OURS: Final = ("agents", "cogo", "embedded", "gateway", "protocol", "providers")
_CONFIGURATION: Final = 78
_INTERRUPTED: Final = 130


def main() -> NoReturn:
    """Run the command line; explain an import that another distribution's package took."""
    try:
        from cogo.cli.app import run  # noqa: PLC0415 - an ImportError is answered here

        code = run(sys.argv[1:], is_program=True)
    except ImportError as error:
        code = _explain(error)
    except KeyboardInterrupt:
        code = _INTERRUPTED  # while modules were loaded; a command that runs ends by itself
    _flush()
    sys.exit(code)


def _flush() -> None:
    """Write what is left; where the reader is gone, let it go, or the exit code would be 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(error: ImportError) -> int:
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - seldom needed

    top = (error.name or "").partition(".")[0]
    owners = set(packages_distributions().get(top, ())) - {"cogo"}
    if top in _OURS and owners:
        text = (
            f"cogo: the package '{top}' here belongs to {', '.join(sorted(owners))}, not to COGO; "
            "install COGO in an environment of its own: uv tool install cogo"
        )
    else:
        text = f"cogo: {error}; install what COGO needs again: uv tool install --reinstall cogo"
    sys.stderr.write(text + "\n")
    return _CONFIGURATION


if __name__ == "__main__":
    main()
