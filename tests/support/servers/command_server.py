"""A process that has imported the command line and runs each command in a fork of itself.

A new interpreter spends nine tenths of a short command on imports. Reads requests from standard
input, a JSON object a line: `arguments`, `directory`, `environment`, and files for `stdout` and
`stderr`. Writes the exit code of each to standard output.
"""

import json
import os
import sys
from typing import Any

from cogo import __main__ as program
from cogo.cli.commands import COMMANDS


def main() -> None:
    """Serve until standard input is closed; a fork ends as the command does."""
    for command in COMMANDS:
        command.load()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
            program.main()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(request: dict[str, Any]) -> None:
    """Take the arguments, the directory, the environment and the streams of a new process."""
    streams = [os.open(os.devnull, os.O_RDONLY)]
    streams += [os.open(request[name], os.O_WRONLY) for name in ("stdout", "stderr")]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["directory"])
    os.environ.clear()  # noqa: TID251
    os.environ.update(request["environment"])  # noqa: TID251
    sys.argv = [str(program.__file__), *request["arguments"]]


if __name__ == "__main__":
    main()
