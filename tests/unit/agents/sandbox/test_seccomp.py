"""The filter of system calls, run by an interpreter for each known machine."""

import errno
from typing import Final

import pytest

from agents.sandbox.isolation.seccomp import (
    ALLOW,
    ERRNO,
    KILL,
    LAST_KNOWN,
    MACHINES,
    REFUSED,
    UNKNOWN,
    build_filter,
)
from tests.unit.agents.sandbox.classic_bpf import run_filter

REFUSES: Final = ERRNO | errno.EPERM
DENIES_KNOWLEDGE: Final = ERRNO | errno.ENOSYS
READ: Final = {"x86_64": 0, "aarch64": 63}
CLONE: Final = {"x86_64": 56, "aarch64": 220}
SOCKET: Final = {"x86_64": 41, "aarch64": 198}
IOCTL: Final = {"x86_64": 16, "aarch64": 29}
PERSONALITY: Final = {"x86_64": 135, "aarch64": 92}

machines = pytest.mark.parametrize("machine", MACHINES)


def answer(machine: str, number: int, *arguments: int) -> int:
    program = build_filter(machine)
    assert program is not None
    architecture, _ = MACHINES[machine]
    return run_filter(program, architecture=architecture, number=number, arguments=arguments)


@machines
def test_what_programs_need_is_allowed(machine: str) -> None:
    assert answer(machine, READ[machine]) == ALLOW
    assert answer(machine, CLONE[machine], 0x1200011) == ALLOW
    assert answer(machine, IOCTL[machine], 1, 0x5401) == ALLOW
    assert answer(machine, LAST_KNOWN) == ALLOW


@machines
def test_every_call_of_the_tables_is_refused(machine: str) -> None:
    _, column = MACHINES[machine]
    refused = [each[column] for each in REFUSED.values()]
    unknown = [each[column] for each in UNKNOWN.values()]

    assert {answer(machine, each) for each in refused if each is not None} == {REFUSES}
    assert {answer(machine, each) for each in unknown if each is not None} == {DENIES_KNOWLEDGE}


@machines
@pytest.mark.parametrize("flag", [0x10000000, 0x40000000, 0x20000000, 0x00020000])
def test_no_process_is_cloned_into_a_namespace(machine: str, flag: int) -> None:
    assert answer(machine, CLONE[machine], flag | 17) == REFUSES


@machines
def test_sockets_are_those_of_the_namespace(machine: str) -> None:
    denied = ERRNO | errno.EAFNOSUPPORT
    unix, v4, v6, netlink, alg, vsock = 1, 2, 10, 16, 38, 40

    assert {answer(machine, SOCKET[machine], each, 1, 0) for each in (unix, v4, v6)} == {ALLOW}
    assert answer(machine, SOCKET[machine], netlink, 3, 0) == ALLOW
    assert answer(machine, SOCKET[machine], netlink, 3, 12) == denied
    assert {answer(machine, SOCKET[machine], each, 1, 0) for each in (alg, vsock)} == {denied}


@machines
def test_nothing_is_typed_into_a_terminal(machine: str) -> None:
    assert answer(machine, IOCTL[machine], 0, 0x5412) == REFUSES
    assert answer(machine, IOCTL[machine], 0, 0xFFFFFFFF_00005412) == REFUSES
    assert answer(machine, IOCTL[machine], 0, 0x541C) == REFUSES


@machines
def test_the_personality_can_be_read_but_not_changed(machine: str) -> None:
    assert answer(machine, PERSONALITY[machine], 0xFFFFFFFF) == ALLOW
    assert answer(machine, PERSONALITY[machine], 0) == ALLOW
    assert answer(machine, PERSONALITY[machine], 0x40000) == REFUSES


@machines
def test_newer_calls_are_not_known(machine: str) -> None:
    assert answer(machine, LAST_KNOWN + 1) == DENIES_KNOWLEDGE


def test_calls_of_other_interfaces_are_caught() -> None:
    program = build_filter("x86_64")
    assert program is not None
    of_32_bits = 0x40000003

    assert run_filter(program, architecture=of_32_bits, number=11) == KILL
    assert answer("x86_64", 0x40000000 | 59) == DENIES_KNOWLEDGE


def test_an_unknown_machine_has_no_filter() -> None:
    assert build_filter("riscv64") is None
