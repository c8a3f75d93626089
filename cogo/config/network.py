"""The network as this process sees it: proxies and certificates that its environment names.

Every client below (httpx, httpx2 in the vendors' SDKs, websockets) reads the same variables, each
in its own way; here they are made to mean the same to all, and what is wrong is named once.
"""

import os
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cogo.errors import SettingInvalid

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ALL: Final = "ALL_PROXY"
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", _ALL)
_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


def prepare_network() -> None:
    """Make the variables of proxies and certificates fit for every client of this process.

    This machine is reached without a proxy, whatever they say. Raises SettingInvalid, which names
    the variable of a proxy that no client takes, or of certificates that are not there.
    """
    for name in _PROXIES:
        for spelling in (name.lower(), name):
            _check_proxy(spelling)
    _give_all_to_websockets()
    _keep_loopback_direct()
    _check_certificates()


def _check_proxy(name: str) -> None:
    value = os.environ.get(name, "").strip()
    if not value:
        return
    scheme, _, rest = value.partition("://")
    if scheme.lower() in {"socks", "socks5"}:  # the first is how desktops write it
        value = f"socks5h://{rest}"  # httpx lets the proxy find names in any case, websockets so
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


def _give_all_to_websockets() -> None:
    """Apply ALL_PROXY to websockets, too, which does not read it."""
    proxy = os.environ.get(_ALL.lower()) or os.environ.get(_ALL)
    if proxy and not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = proxy


def _keep_loopback_direct() -> None:
    # Where both spellings are set, the clients take the lower one.
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in given.split(",") if host.strip()]
    if "*" in hosts:
        hosts = ["*"]  # not every client finds it among others
    else:
        hosts += [host for host in _LOOPBACK if host not in hosts]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(hosts)


def _check_certificates() -> None:
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except ssl.SSLError as error:
            raise _wrong("SSL_CERT_FILE", file, "holds no certificates in PEM format") from error
        except OSError as error:
            raise _wrong("SSL_CERT_FILE", file, f"cannot be read: {error.strerror}") from error
    if folder and not any(Path(each).is_dir() for each in folder.split(os.pathsep)):
        raise _wrong("SSL_CERT_DIR", folder, "is not a directory")


def _wrong(name: str, path: str, reason: str) -> SettingInvalid:
    return SettingInvalid(name, reason=f"{path} {reason}; correct the variable or unset it")
