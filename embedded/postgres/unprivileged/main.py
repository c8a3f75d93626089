"""Switch to an unprivileged account and run a program that ends with its parent.

Run as a script, with the standard library only: `main.py PARENT UID GID FOLDER PROGRAM ARG...`
(UID and GID -1: keep the account). A wrapper process, since `preexec_fn` runs Python between fork
and exec, where a lock of another thread can block the child.

Linux sends a signal at the death of the parent; elsewhere the next start stops the orphan.
"""

import ctypes  # imported now, since the account may not be able to read Python
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replace this process by the program."""
    parent, uid, gid = (int(argument) for argument in sys.argv[1:4])
    folder, program = sys.argv[4], sys.argv[5:]
    if uid != -1:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    os.chdir(folder)
    # Ctrl-C in the terminal must reach only the server, which then stops Postgres; and the
    # program and its children can be killed as one group.
    os.setsid()
    if sys.platform == "linux":
        # After setuid, which clears it. SIGINT is the fast shutdown of Postgres.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before prctl
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - the program of the caller


if __name__ == "__main__":
    main()
