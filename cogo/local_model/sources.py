"""The names of models to pull, and what is behind them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx2
from pydantic import SecretStr

from cogo.errors import CommandError, UsageError
from cogo.local_model.fit import choose_quantization, is_split
from cogo.local_model.gguf import HEADER_BYTES, UNKNOWN_FACTS, GgufFacts, NotGguf, parse_facts
from cogo.local_model.library import is_packaged, make_alias
from providers.adapters.weights.body import read_beginning
from providers.adapters.weights.hub import HUB, REPOSITORY, HubFile, get_hub_url, list_hub_files

_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_SHOWN: Final = 12


class Means(StrEnum):
    """The programs that can run a pulled model."""

    OLLAMA = "ollama"
    LM_STUDIO = "lmstudio"
    LLAMA_CPP = "llamacpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The hub that `hf:` names, and a key for gated repositories."""

    endpoint: str = HUB
    token: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A file to download, before it is."""

    source: str
    alias: str
    url: str
    sha256: str
    size: int | None
    token: SecretStr | None = None
    facts: GgufFacts = UNKNOWN_FACTS


def choose_means(name: str, *, asked: Means | None, running: frozenset[Means]) -> Means:
    """Return the program that pulls a model. Raises UsageError.

    What names a file or a package is for llama.cpp; other names are for Ollama or LM Studio,
    whichever runs, in this order.
    """
    if asked is not None:
        return asked
    if name.startswith(("hf:", "https://", "http://")) or is_packaged(name):
        return Means.LLAMA_CPP
    for each in (Means.OLLAMA, Means.LM_STUDIO):
        if each in running:
            return each
    raise UsageError(
        f"{name!r} is a name for Ollama or LM Studio, and neither is running: start one, or name "
        "a file for llama.cpp: hf:owner/repo/file.gguf, a URL with --sha256, or smollm2"
    )


def parse_sha256(text: str) -> str:
    """Return a checksum in lower case. Raises UsageError."""
    found = _SHA256.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a SHA-256 checksum: it has 64 digits from 0 to f")
    return found[1].lower()


def parse_hub_name(name: str) -> tuple[str, str | None]:
    """Return the repository and the file that `hf:owner/repo/file.gguf` names.

    The file may be left out, or be only a quantization (`hf:owner/repo:Q4_K_M`). Raises UsageError.
    """
    owner, _, rest = name.removeprefix("hf:").strip("/").partition("/")
    repo, slash, file = rest.partition("/")
    repo, colon, quantization = (repo, "", "") if slash else repo.partition(":")
    repository = f"{owner}/{repo}"
    wanted = file or quantization
    if not REPOSITORY.fullmatch(repository) or ((slash or colon) and not wanted):
        raise UsageError(f"{name!r} is not of the form hf:owner/repo/file.gguf")
    if file and (not file.lower().endswith(".gguf") or ".." in file.split("/")):
        raise UsageError(f"{file!r} is not a GGUF file, which llama.cpp needs")
    return repository, wanted or None


def choose_file(files: list[HubFile], wanted: str | None, *, repository: str, room: int) -> HubFile:
    """Return the file that is meant, or the best one that fits. Raises CommandError."""
    weights = [each for each in files if each.path.lower().endswith(".gguf")]
    exact = [each for each in weights if each.path == wanted]
    if wanted is not None and not exact:
        mark = wanted.lower().removesuffix(".gguf")
        exact = [each for each in weights if make_alias(each.path).lower().endswith(mark)]
    if wanted is not None and len(exact) != 1:
        raise CommandError(f"{repository} has no file {wanted}; {_list_files(weights)}")
    if exact:
        [found] = exact
        if is_split(found.path):
            raise CommandError(f"{found.path} is one of several parts: choose a file that is whole")
        return found
    whole = [(each.path, each.size) for each in weights if not is_split(each.path)]
    best = choose_quantization(whole, room=room)
    if best is None:
        reason = "none of its files fits in the free memory" if whole else "it cannot be used"
        raise CommandError(f"{repository}: {reason}; {_list_files(weights)}")
    return next(each for each in weights if each.path == best)


async def resolve_hub(
    http: httpx2.AsyncClient, downloads: httpx2.AsyncClient, name: str, hub: Hub, *, room: int
) -> Order:
    """Find a file of the hub, with its checksum. Raises CommandError and WeightsUnavailable."""
    repository, wanted = parse_hub_name(name)
    files = await list_hub_files(http, repository, endpoint=hub.endpoint, token=hub.token)
    found = choose_file(files, wanted, repository=repository, room=room)
    url = get_hub_url(repository, found.path, endpoint=hub.endpoint)
    facts, _ = await _read_facts(downloads, url, hub.token)
    return Order(
        source=f"hf:{repository}/{found.path}",
        alias=make_alias(found.path),
        url=url,
        sha256=found.sha256,
        size=found.size,
        token=hub.token,
        facts=facts,
    )


async def resolve_url(downloads: httpx2.AsyncClient, url: str, sha256: str | None) -> Order:
    """Describe the file at a URL. Raises UsageError and WeightsUnavailable."""
    if sha256 is None:
        raise UsageError("a file from a URL needs its checksum: --sha256 H, from whom you trust")
    facts, size = await _read_facts(downloads, url, None)
    return Order(
        source=url,
        alias=make_alias(unquote(urlsplit(url).path)),
        url=url,
        sha256=sha256,
        size=size,
        facts=facts,
    )


async def _read_facts(
    downloads: httpx2.AsyncClient, url: str, token: SecretStr | None
) -> tuple[GgufFacts, int | None]:
    beginning, size = await read_beginning(downloads, url, HEADER_BYTES, token=token)
    try:
        return parse_facts(beginning), size
    except NotGguf as error:
        raise CommandError(f"{url} is not a model for llama.cpp: {error}") from error


def _list_files(files: list[HubFile]) -> str:
    shown = ", ".join(f"{each.path} ({each.size / 1e6:,.0f} MB)" for each in files[:_SHOWN])
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"it has {shown}{more}" if files else "it has no GGUF file"
