"""Supervision: the processes of `cogo up`, kept alive and stopped in the right order."""

from cogo.supervisor.child import Child, Spec, module
from cogo.supervisor.fork_server.client import Nursery
from cogo.supervisor.lock import Lock, hold_lock
from cogo.supervisor.logfiles import set_long_logs_aside
from cogo.supervisor.restart import Keeper

__all__ = [
    "Child",
    "Keeper",
    "Lock",
    "Nursery",
    "Spec",
    "hold_lock",
    "module",
    "set_long_logs_aside",
]
