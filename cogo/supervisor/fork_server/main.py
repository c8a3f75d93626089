"""Import modules once, then fork processes that need not import them.

usage: python -m cogo.supervisor.fork_server.main DOOR MODULE...

DOOR is the number of a SOCK_SEQPACKET socket to the process that gives the orders; a line on
standard output says that the imports are done. An order is one packet of JSON: `{"imports": [...]}`
is answered when those are imported too, and `{"arguments": [...]}`, with the three descriptors of
the new process's standard streams, with its id.

The new process is a child of whoever orders, not of the nursery, which may therefore die whenever
it likes: it is forked twice, and whoever orders is a child subreaper meanwhile (prctl(2)). Linux
only: elsewhere a process that was forked may not go on without exec.
"""

import gc
import importlib
import json
import os
import runpy
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from setproctitle import setproctitle

FLAGS: Final = ("-P", "-m")
"""What stands before the name of the module on every command line of ours."""
PACKET_BYTES: Final = 65536
_STREAMS: Final = (0, 1, 2)
_THREADS: Final = Path("/proc/self/task")


def main() -> None:
    """Import, then fork until nobody is there who could order."""
    door = socket.socket(fileno=int(sys.argv[1]))
    _import(sys.argv[2:])
    sys.stdout.write(json.dumps({"nursery": os.getpid()}) + "\n")
    sys.stdout.flush()
    arguments = _attend(door)
    if arguments is not None:
        _become(arguments)


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    # Pages that the collector does not touch stay shared with all who are forked from here.
    gc.collect()
    gc.freeze()


def _attend(door: socket.socket) -> Sequence[str] | None:
    """Take orders. Returns in a new process, with its arguments; None when all is over."""
    while True:
        packet, streams, _, _ = socket.recv_fds(door, PACKET_BYTES, len(_STREAMS))
        if not packet:
            return None
        order = json.loads(packet)
        if "imports" in order:
            _import(order["imports"])
            answer: dict[str, object] = {"imported": order["imports"]}
        elif (threads := len(list(_THREADS.iterdir()))) > 1:
            # What another thread holds at this moment, a lock say, nobody would ever let go of.
            answer = {"refused": f"{threads} threads run here"}
        else:
            pid = _fork(streams)
            if pid is None:
                door.close()
                return list(order["arguments"])
            answer = {"pid": pid}
        for each in streams:
            os.close(each)
        door.send(json.dumps(answer).encode())


def _fork(streams: Sequence[int]) -> int | None:
    """Fork a process that nobody here has to wait for; give its id, and None to itself."""
    told, telling = os.pipe()
    held, holding = os.pipe()
    between = os.fork()
    if between == 0:
        if os.fork() != 0:
            os._exit(0)
        os.close(told)
        os.close(holding)
        _settle(streams)
        os.write(telling, str(os.getpid()).encode())
        os.close(telling)
        # It goes on only as the child of whoever ordered: a tether would take the death of the
        # process between for that of the parent.
        if not os.read(held, 1):
            os._exit(1)
        os.close(held)
        return None
    os.close(telling)
    os.close(held)
    os.waitpid(between, 0)
    pid = int(os.read(told, 32))
    os.write(holding, b"!")
    os.close(told)
    os.close(holding)
    return pid


def _settle(streams: Sequence[int]) -> None:
    """Leave the nursery's session and streams behind."""
    os.setsid()
    for number, descriptor in zip(_STREAMS, streams, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _become(arguments: Sequence[str]) -> None:
    """Run the module of a command line, under the name that it would have if it was started."""
    if tuple(arguments[: len(FLAGS)]) != FLAGS:
        raise ValueError(f"a nursery forks modules, not {arguments}")
    setproctitle(" ".join([sys.executable, *arguments]))
    sys.argv = list(arguments[len(FLAGS) :])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
