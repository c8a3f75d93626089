"""A filter of system calls for programs that compute, read, write and start others of their kind.

Namespaces hide what is outside; the filter takes away calls that reach around them or that have
often held faults of the kernel. It is a program of classic BPF, which the kernel runs at each call.
"""

import errno
import struct
from collections.abc import Mapping
from typing import Final

Numbers = tuple[int | None, int | None]
"""Of a call on each machine."""

MACHINES: Final[Mapping[str, tuple[int, int]]] = {
    "x86_64": (0xC000003E, 0),
    "aarch64": (0xC00000B7, 1),
}
"""Number of the architecture for the kernel, and the column below."""

REFUSED: Final[Mapping[str, Numbers]] = {
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Namespaces, mounts and roots.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # The kernel, the machine and its clock.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "fanotify_init": (300, 262),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    # Memory that belongs to no process, which a watch over processes does not see.
    "shmget": (29, 194),
    "msgget": (68, 186),
}
UNKNOWN: Final[Mapping[str, Numbers]] = {
    # Programs take another way when the kernel does not know these.
    "clone3": (435, 435),  # its flags are in memory, where a filter sees nothing
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
CLONE: Final = (56, 220)
SOCKET: Final = (41, 198)
IOCTL: Final = (16, 29)
PERSONALITY: Final = (135, 92)
LAST_KNOWN: Final = 462
X32_BIT: Final = 0x40000000
"""Calls of another interface of x86_64, with numbers of their own."""
NAMESPACE_FLAGS: Final = 0x7E020000
TERMINAL_REQUESTS: Final = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into the terminal of whoever started the agent."""
SAME_PERSONALITY: Final = 0xFFFFFFFF
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE = 0, 4
ALLOW, KILL = 0x7FFF0000, 0x80000000
ERRNO: Final = 0x00050000

Instruction = tuple[int, int, int, int]


def build_filter(machine: str) -> bytes | None:
    """Return the filter for a machine as the kernel takes it, or None for one that is not known."""
    if machine not in MACHINES:
        return None
    architecture, column = MACHINES[machine]
    program: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        program += _answer(JUMP_AT_LEAST, X32_BIT, errno.ENOSYS)
    program += _answer(JUMP_AT_LEAST, LAST_KNOWN + 1, errno.ENOSYS)
    for table, answer in ((REFUSED, errno.EPERM), (UNKNOWN, errno.ENOSYS)):
        for numbers in table.values():
            if (number := numbers[column]) is not None:
                program += _answer(JUMP_EQUAL, number, answer)
    program += _guard(CLONE[column], _check_clone())
    program += _guard(SOCKET[column], _check_socket())
    program += _guard(IOCTL[column], _check_ioctl())
    program += _guard(PERSONALITY[column], _check_personality())
    program.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *each) for each in program)


def _answer(test: int, value: int, error: int) -> list[Instruction]:
    """Return the error if what was loaded passes the test."""
    return [(test, 0, 1, value), (RETURN, 0, 0, ERRNO | error)]


def _guard(number: int, check: list[Instruction]) -> list[Instruction]:
    """Run a check, which ends the filter, for one call only."""
    return [(JUMP_EQUAL, 0, len(check), number), *check]


def _load_argument(index: int) -> Instruction:
    """Load the lower half of an argument; all known machines are little-endian."""
    return (LOAD, 0, 0, 16 + 8 * index)


def _check_clone() -> list[Instruction]:
    return [
        _load_argument(0),
        *_answer(JUMP_ANY_BIT, NAMESPACE_FLAGS, errno.EPERM),
        (RETURN, 0, 0, ALLOW),
    ]


def _check_socket() -> list[Instruction]:
    """Allow the families that a namespace of the network holds, of netlink only the routes."""
    return [
        _load_argument(0),
        (JUMP_EQUAL, 5, 0, AF_UNIX),
        (JUMP_EQUAL, 4, 0, AF_INET),
        (JUMP_EQUAL, 3, 0, AF_INET6),
        (JUMP_EQUAL, 0, 3, AF_NETLINK),
        _load_argument(2),
        (JUMP_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT),
    ]


def _check_ioctl() -> list[Instruction]:
    program = [_load_argument(1)]
    for request in TERMINAL_REQUESTS:
        program += _answer(JUMP_EQUAL, request, errno.EPERM)
    return [*program, (RETURN, 0, 0, ALLOW)]


def _check_personality() -> list[Instruction]:
    return [
        _load_argument(0),
        (JUMP_EQUAL, 2, 0, SAME_PERSONALITY),
        *_answer(JUMP_AT_LEAST, 1, errno.EPERM),
        (RETURN, 0, 0, ALLOW),
    ]
