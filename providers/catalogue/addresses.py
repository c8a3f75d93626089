"""Addresses of servers: which of them are on this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def find_other_host(url: str) -> str | None:
    """Return the host of a URL that is not on this machine, or None."""
    try:
        name = urlsplit(url).hostname or url
    except ValueError:
        return url
    try:
        is_here = name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        is_here = False
    return None if is_here else name
