"""Become an unprivileged account that dies with its parent, then run a program.

Run as a script, with the standard library only: `launcher.py PARENT UID GID FOLDER PROGRAM ARG...`
(UID and GID -1: stay who we are). A wrapper process and not `preexec_fn`: that runs Python between
fork and exec, where another thread's lock can hang the child.

Linux sends the signal at the death of the parent; elsewhere an orphan is stopped at the next start.
"""

import ctypes  # here and not later: the account that we become may not be able to read Python
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
    # A Ctrl-C in the terminal is for the server, which then stops Postgres in order; and what the
    # program starts can be killed as one group.
    os.setsid()
    if sys.platform == "linux":
        # After setuid, which clears it. SIGINT is Postgres' fast shutdown.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - the program that our parent chose


if __name__ == "__main__":
    main()
