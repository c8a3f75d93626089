"""The filter of system calls in the form that container engines read."""

import errno
import json
from collections.abc import Mapping
from typing import Any, Final

from agents.sandbox.isolation.seccomp import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_UNIX,
    NAMESPACE_FLAGS,
    REFUSED,
    TERMINAL_REQUESTS,
    UNKNOWN,
)

ARCHITECTURES: Final = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
FAMILIES: Final = 64
"""More than the kernel has; those from here on are refused together."""

Rule = Mapping[str, Any]


def build_profile(machine: str) -> str | None:
    """Return the filter for a machine as JSON, or None for one that is not known."""
    if machine not in ARCHITECTURES:
        return None
    calls: list[Rule] = [
        _refuse(sorted(REFUSED), errno.EPERM),
        _refuse(sorted(UNKNOWN), errno.ENOSYS),
        *_refuse_namespaces(),
        *_refuse_sockets(),
        *(_refuse(["ioctl"], errno.EPERM, _equals(1, each)) for each in TERMINAL_REQUESTS),
        *_refuse_personalities(),
    ]
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            "architectures": [ARCHITECTURES[machine]],
            "syscalls": calls,
        }
    )


def _refuse(names: list[str], error: int, *arguments: Rule) -> Rule:
    """Answer calls with an error, if their arguments pass all tests."""
    rule: dict[str, Any] = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error}
    return {**rule, "args": list(arguments)} if arguments else rule


def _refuse_namespaces() -> list[Rule]:
    bits = [1 << each for each in range(32) if NAMESPACE_FLAGS & 1 << each]
    return [
        _refuse(
            ["clone"],
            errno.EPERM,
            {"index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": each, "valueTwo": each},
        )
        for each in bits
    ]


def _refuse_sockets() -> list[Rule]:
    held = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}
    refused = [_equals(0, each) for each in range(FAMILIES) if each not in held]
    refused.append({"index": 0, "op": "SCMP_CMP_GE", "value": FAMILIES})
    other_netlink = (
        _equals(0, AF_NETLINK),
        {"index": 2, "op": "SCMP_CMP_NE", "value": 0},
    )
    return [
        *(_refuse(["socket"], errno.EAFNOSUPPORT, each) for each in refused),
        _refuse(["socket"], errno.EAFNOSUPPORT, *other_netlink),
    ]


def _refuse_personalities() -> list[Rule]:
    """Refuse each bit that changes the usual one; asking, which has every bit set, is refused, too.

    A profile has no rule for "neither of two numbers".
    """
    return [
        _refuse(["personality"], errno.EPERM, {"index": 0, "op": "SCMP_CMP_NE", "value": 0}),
    ]


def _equals(index: int, value: int) -> Rule:
    return {"index": index, "op": "SCMP_CMP_EQ", "value": value}
