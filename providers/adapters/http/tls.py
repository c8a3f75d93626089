"""The certificate authorities that all clients of vendors trust."""

import ssl
from functools import cache

import httpx2


@cache
def get_ssl_context() -> ssl.SSLContext:
    """Return the context of this process. Reading the authorities takes 20 ms of CPU."""
    return httpx2.create_ssl_context()
