"""Hosts that may be fetched, and the check of URLs and addresses against them."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, Self, TypeAlias

import httpx2

from agents.fetching.errors import FetchRefused

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_URL: Final = 8_000
MAX_SHOWN: Final = 200
"""Characters of a URL or a host that a message repeats."""
_PORTS: Final = {"https": 443, "http": 80}
_MAX_PORT: Final = 65_535
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_LOOPBACK: Final = "localhost"
_NAT64: Final = ip_network("64:ff9b::/96")
_NOT_PUBLIC: Final = tuple(
    map(ip_network, ("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "64:ff9b:1::/48"))
)
"""Addresses, some of them of clouds' own services, that not every Python knows as private.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""


class AllowListInvalid(ValueError):
    """An entry names no host; the message says what does."""


@dataclass(frozen=True, slots=True)
class FetchTarget:
    """A URL that may be fetched, if its host has an allowed address."""

    url: httpx2.URL
    """Without fragment, and with the port."""
    scheme: str
    host: str
    """In lower case, without brackets and final dot."""
    port: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str | None = None
    """A host, or the part after `*.`."""
    is_wildcard: bool = False
    network: Network | None = None
    port: int | None = None

    def matches(self, host: str, address: Address | None, port: int, scheme: str) -> bool:
        """Return whether this allows the host of a URL; `address` if it is written as one."""
        if port != (self.port or _PORTS[scheme]):
            return False
        if self.name is None:
            return address is not None and self.permits(address)
        return host.endswith(f".{self.name}") if self.is_wildcard else host == self.name

    def permits(self, address: Address) -> bool:
        return self.network is not None and address in self.network


@dataclass(frozen=True, slots=True)
class AllowList:
    """The hosts that may be fetched: names, `*.` and a name, addresses and networks.

    A host of a name must have a public address, or one of a network in the list. An entry may end
    with a port; without one it is for 443. `http` is for loopback only.
    """

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Return the list of these entries. Raises AllowListInvalid."""
        return cls(tuple(_parse_entry(each) for each in entries))

    def __bool__(self) -> bool:
        """Return whether anything may be fetched."""
        return bool(self.entries)

    def check_url(self, text: str) -> FetchTarget:
        """Return what a URL leads to. Raises FetchRefused."""
        target = _parse_url(text)
        address = _parse_address(target.host)
        is_loopback = target.host == _LOOPBACK or (address is not None and address.is_loopback)
        if target.scheme == "http" and not is_loopback:
            raise FetchRefused(f"{_shorten(text)} cannot be fetched: only https is allowed")
        host, port, scheme = target.host, target.port, target.scheme
        if any(each.matches(host, address, port, scheme) for each in self.entries):
            return target
        shown = f"[{host}]" if ":" in host else host
        entry = shown if port == _PORTS["https"] else f"{shown}:{port}"
        raise FetchRefused(
            f"{entry} is not one of the hosts that may be fetched; the operator of the executor "
            f'can add it to cogo.toml: [fetch] allow = ["{entry}"]'
        )

    def check_address(self, target: FetchTarget, address: Address) -> None:
        """Raise FetchRefused if a host has an address that must not be reached."""
        plain = _unwrap(address)
        if target.scheme == "http" and not plain.is_loopback:
            raise FetchRefused(f"{target.host} is {plain}: only https is allowed")
        if target.host == _LOOPBACK and plain.is_loopback:
            return
        if _is_public(plain) or any(each.permits(plain) for each in self.entries):
            return
        raise FetchRefused(
            f"{target.host} is {plain}, which is not a public address; the operator of the "
            f'executor can allow it in cogo.toml: [fetch] allow = ["{target.host}", "{plain}"]'
        )


def _parse_url(text: str) -> FetchTarget:
    if len(text) > MAX_URL:
        raise FetchRefused(f"the URL has more than {MAX_URL} characters")
    try:
        url = httpx2.URL(text)
        host = url.raw_host.decode("ascii").lower().removesuffix(".")
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchRefused(f"{_shorten(text)} is no URL: {error}") from error
    if url.scheme not in _PORTS:
        raise FetchRefused(f"{_shorten(text)} cannot be fetched: only https is allowed")
    if url.userinfo:
        raise FetchRefused("the URL has a name or a password, which is never sent: remove it")
    port = url.port or _PORTS[url.scheme]
    if _parse_address(host) is None and _NAME.fullmatch(host) is None:
        raise FetchRefused(f"{_shorten(text)} is no URL: it has no host")
    if not _is_port(port):
        raise FetchRefused(f"{_shorten(text)} is no URL: there is no port {port}")
    return FetchTarget(url.copy_with(fragment=None), url.scheme, host, port)


def _parse_entry(text: str) -> _Entry:
    host, port = _split_port(text.strip().lower())
    entry = _Entry(port=port)
    bare = host.replace("[", "").replace("]", "")
    with suppress(ValueError):
        return replace(entry, network=ip_network(bare))
    is_wildcard = bare.startswith("*.")
    name = bare.removeprefix("*.").removesuffix(".")
    is_name = _NAME.fullmatch(name) is not None and not name.rpartition(".")[2].isdecimal()
    if not is_name or (is_wildcard and "." not in name) or not _is_port(port):
        raise AllowListInvalid(
            f"{text[:MAX_SHOWN]!r} is no host: write a name, such as example.com, *.example.com "
            "or example.com:8443, or an address or a network, such as 10.1.2.0/24"
        )
    return replace(entry, name=name, is_wildcard=is_wildcard)


def _split_port(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.endswith("]")):
        return host, int(port[:9])
    return text, None


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port <= _MAX_PORT


def _parse_address(host: str) -> Address | None:
    try:
        return _unwrap(ip_address(host))
    except ValueError:
        return None


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address to which an IPv6 address leads, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not (isinstance(address, IPv6Address) and address.is_site_local)
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _shorten(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
