"""The fetcher of a project: its allowed hosts, and the proxies of this process."""

import urllib.request

from agents.attachments import FileAccess, FileLimits
from agents.fetching import AllowList, Fetcher
from cogo.config.catalogue import read_data_policy
from cogo.config.context import Project
from cogo.config.sections.fetch import find_allowed_hosts
from providers.catalogue.data_policy import LOCAL_ONLY


def build_fetcher(project: Project) -> Fetcher:
    """Return the fetcher; with the data policy `local-only` no host is allowed.

    Raises SettingInvalid.
    """
    is_closed = LOCAL_ONLY in read_data_policy(project.settings)
    allowed = AllowList() if is_closed else find_allowed_hosts(project)
    return Fetcher(allowed, find_proxy=_find_proxy)


def build_file_access(project: Project) -> FileAccess:
    """Return how files that come with prompts are fetched. Raises SettingInvalid."""
    settings = project.settings
    return FileAccess(
        fetcher=build_fetcher(project),
        limits=FileLimits(
            each_bytes=settings.attachment_mb << 20, total_bytes=settings.attachments_mb << 20
        ),
    )


def _find_proxy(scheme: str, host: str) -> str | None:
    # `prepare_network` has made the variables uniform, and excluded loopback.
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(scheme)
