"""From where the server can be reached: this machine only, unless its owner insists."""

import ipaddress

from embedded.errors import CannotStart

WARNING = (
    "The embedded server can be reached from other machines, without encryption. It is made for "
    "development: whoever reads the traffic has the keys."
)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address. Raises CannotStart when it is no address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise CannotStart(
            f"{host} is no IP address: give one of this machine, for example 0.0.0.0."
        ) from error


def require_loopback(host: str) -> None:
    """Raise CannotStart when other machines could reach the address."""
    if not is_loopback(host):
        raise CannotStart(
            f"{host} can be reached from other machines: add --allow-remote if you want that."
        )


def build_url(host: str, port: int) -> str:
    """The URL for clients; an address that stands for all is reached through loopback."""
    address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - a comparison
    if ":" in address and not address.startswith("["):
        address = f"[{address}]"
    return f"http://{address}:{port}"
