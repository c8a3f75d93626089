"""`python -m cogo.spare MODULE...`: imports modules, then waits to be told what to become.

One line on standard output says that the imports are done. One line of JSON on standard input
says what follows the interpreter on the command line of the process that this one is to become,
and where its standard error goes. Without a line there is nobody left to become anything for.
"""

import importlib
import json
import os
import runpy
import sys
from typing import Final

FLAGS: Final = ("-P", "-m")
"""What stands before the name of the module on every command line of ours."""


def main() -> None:
    """Import, wait, become."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    sys.stdout.write(json.dumps({"spare": True}) + "\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        return
    order = json.loads(line)
    if order["log"] is not None:
        target = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(target, sys.stderr.fileno())
        os.close(target)
    arguments = tuple(order["arguments"])
    if arguments[: len(FLAGS)] != FLAGS:
        raise ValueError(f"a spare becomes a module, not {arguments}")
    sys.argv = list(arguments[len(FLAGS) :])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
