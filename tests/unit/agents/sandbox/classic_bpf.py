"""An interpreter of the programs with which the kernel filters system calls."""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

LOAD: Final = 0x20
RETURN: Final = 0x06
TESTS: Final[Mapping[int, Callable[[int, int], bool]]] = {
    0x15: lambda loaded, value: loaded == value,
    0x35: lambda loaded, value: loaded >= value,
    0x45: lambda loaded, value: bool(loaded & value),
}


def run_filter(
    program: bytes, *, architecture: int, number: int, arguments: Sequence[int] = ()
) -> int:
    """Return what a filter answers to a system call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    call = struct.pack("IIQ6Q", number, architecture, 0, *padded)
    instructions = list(struct.iter_unpack("HBBI", program))
    position, loaded = 0, 0
    while True:
        code, if_true, if_false, value = instructions[position]
        position += 1
        if code == LOAD:
            (loaded,) = struct.unpack_from("I", call, value)
        elif code == RETURN:
            return int(value)
        else:
            position += if_true if TESTS[code](loaded, value) else if_false
