"""Proxies and certificates of this process, from its environment.

The clients (httpx, httpx2 in the vendors' SDKs, websockets) read the same variables differently.
This module makes their meaning uniform and reports invalid values once.
"""

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cogo.errors import SettingInvalid

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ALL: Final = "ALL_PROXY"
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", _ALL)
_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


def prepare_network() -> None:
    """Normalise the variables for proxies and certificates for every client of this process.

    Loopback is always reached without a proxy. Raises SettingInvalid, which names the variable of
    a proxy that no client accepts, or of certificates that do not exist.
    """
    for name in _PROXIES:
        for spelling in (name.lower(), name):
            _check_proxy(spelling)
    _apply_all_proxy()
    _exclude_loopback()
    _check_certificates()


def _check_proxy(name: str) -> None:
    value = os.environ.get(name, "").strip()
    if not value:
        return
    scheme, _, rest = value.partition("://")
    if scheme.lower() in {"socks", "socks5"}:  # desktops write the first
        value = f"socks5h://{rest}"  # websockets resolve names by the proxy only with h
    os.environ[name] = value
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise SettingInvalid(
            name,
            reason=f"a proxy is an address such as http://HOST:PORT, with {', '.join(_SCHEMES)}; "
            "correct the variable or unset it",
        )


def _apply_all_proxy() -> None:
    """Apply ALL_PROXY to websockets, which does not read it."""
    proxy = os.environ.get(_ALL.lower()) or os.environ.get(_ALL)
    if proxy and not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = proxy


def _exclude_loopback() -> None:
    # If both spellings are set, the clients read the lower one.
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in given.split(",") if host.strip()]
    if "*" in hosts:
        hosts = ["*"]  # some clients find it only on its own
    else:
        hosts += [host for host in _LOOPBACK if host not in hosts]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(hosts)


def _check_certificates() -> None:
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        try:
            _load_authorities(file)
        except ssl.SSLError as error:
            raise _build_error(
                "SSL_CERT_FILE", file, "holds no certificates in PEM format"
            ) from error
        except OSError as error:
            raise _build_error(
                "SSL_CERT_FILE", file, f"cannot be read: {error.strerror}"
            ) from error
    if folder and not any(Path(each).is_dir() for each in folder.split(os.pathsep)):
        raise _build_error("SSL_CERT_DIR", folder, "is not a directory")


@cache
def _load_authorities(file: str) -> None:
    """Check that a file can be loaded, once for this process and its forks."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)


def _build_error(name: str, path: str, reason: str) -> SettingInvalid:
    return SettingInvalid(name, reason=f"{path} {reason}; correct the variable or unset it")
