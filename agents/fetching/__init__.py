"""Fetching of URLs that a task, a model or a tool names, from hosts that the operator allows.

- `allow_list`: the hosts, and whether a URL or an address is one of them.
- `fetcher`: one request, its redirects and its body, within limits.
"""

from agents.fetching.allow_list import AllowList, AllowListInvalid
from agents.fetching.errors import FetchFailed, FetchRefused
from agents.fetching.fetcher import Fetched, Fetcher, FetchLimits

__all__ = [
    "AllowList",
    "AllowListInvalid",
    "FetchFailed",
    "FetchLimits",
    "FetchRefused",
    "Fetched",
    "Fetcher",
]
