"""Supervision: the processes of `cogo up`, kept alive and stopped in the right order."""

from cogo.supervision.child import Child, Spec, module
from cogo.supervision.keeper import Keeper
from cogo.supervision.lock import Lock, hold_lock
from cogo.supervision.logfiles import set_long_logs_aside
from cogo.supervision.nursery import Nursery

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
