"""The hub of Hugging Face: which files a repository has, with their sizes and checksums."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpx2
from pydantic import SecretStr

from providers.adapters.weights.client import (
    WeightsUnavailable,
    explain_errors,
    read_count,
    refuse_status,
)

HUB: Final = "https://huggingface.co"
REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_MOST_PAGES: Final = 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A large file of a repository."""

    path: str
    size: int
    sha256: str


async def list_hub_files(
    http: httpx2.AsyncClient,
    repository: str,
    *,
    endpoint: str = HUB,
    token: SecretStr | None = None,
) -> list[HubFile]:
    """Return the large files of the main branch. Raises WeightsUnavailable.

    Small files, whose checksums the hub does not tell, are left out.
    """
    url = f"{endpoint}/api/models/{quote(repository)}/tree/main?recursive=true"
    headers = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
    found: list[HubFile] = []
    where = urlsplit(endpoint).hostname or endpoint
    for _ in range(_MOST_PAGES):
        with explain_errors(where):
            response = await http.get(url, headers=headers)
            refuse_status(response, where, hint=f"{repository} (is it private, or misspelt?)")
            try:
                rows = response.json()
            except (ValueError, RecursionError) as error:
                raise WeightsUnavailable(
                    f"{where} answers with something else than JSON"
                ) from error
        found += [file for row in (rows if isinstance(rows, list) else []) if (file := _parse(row))]
        following = response.links.get("next", {}).get("url")
        if following is None:
            return found
        url = urljoin(url, following)
        if urlsplit(url)[:2] != urlsplit(endpoint)[:2]:
            raise WeightsUnavailable(f"{where} continues its list at another host")
    raise WeightsUnavailable(f"{where} lists {repository} without end")


def get_hub_url(repository: str, path: str, *, endpoint: str = HUB) -> str:
    """Return the address from which a file of the main branch is downloaded."""
    return f"{endpoint}/{quote(repository)}/resolve/main/{quote(path)}"


def _parse(row: Any) -> HubFile | None:
    if not isinstance(row, dict) or not isinstance(row.get("lfs"), dict):
        return None
    path, sha256 = row.get("path"), row["lfs"].get("oid")
    size = read_count(row["lfs"].get("size"))
    if not isinstance(path, str) or not isinstance(sha256, str) or size is None:
        return None
    sha256 = sha256.removeprefix("sha256:").lower()
    return HubFile(path, size, sha256) if _SHA256.fullmatch(sha256) else None
