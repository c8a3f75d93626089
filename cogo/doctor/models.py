"""Checks of the models: the catalogue, the keys of providers, local model servers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from pydantic import SecretStr

from cogo.config.catalogue import (
    CATALOGUE,
    credentials,
    ended_models,
    load_catalogue,
    local_servers,
)
from cogo.config.context import Project
from cogo.doctor.check import Check, missing, note, ok
from cogo.errors import CommandError, SettingInvalid
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.catalogue.schema import Provider
from providers.errors import (
    AuthenticationFailed,
    BudgetExhausted,
    ConnectionFailed,
    NotServed,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    TimedOut,
)
from providers.router import Router

_SECONDS: Final = 15.0
_REFUSED: Final = (AuthenticationFailed, PermissionDenied, BudgetExhausted)
_NOT_ASKED: Final = (ConnectionFailed, TimedOut, Overloaded, RateLimited, NotServed)


async def check_models(project: Project) -> AsyncIterator[Check]:
    """Look which models could be served now; keys are named, never shown."""
    try:
        catalogue = load_catalogue(project)
    except SettingInvalid as error:
        wrong = "cogo.toml" if error.name == CATALOGUE else error.name
        yield missing("catalogue", str(error), f"correct {wrong}")
        return
    yield ok("catalogue", f"{len(catalogue.models)} models of {len(catalogue.providers)} providers")
    for sentence in ended_models(catalogue):
        yield note("catalogue", sentence)
    try:
        opened = credentials(project, catalogue)
    except CommandError as error:
        yield missing("keys", str(error), "correct the variable")
        return
    keys = await check_keys(catalogue, opened)
    for key in keys:
        yield key
    local = await local_servers(project, catalogue)
    for server in local:
        yield ok("local server", f"{server.provider} with {len(server.models)} models")
    if not keys and not local:
        yield note(
            "keys",
            "no key of a provider and no local model server: the vendor simulator answers",
            "export ANTHROPIC_API_KEY=...",
        )


async def check_keys(catalogue: Catalogue, opened: Mapping[str, Credential]) -> list[Check]:
    """Check every key that is set with its provider, concurrently."""
    async with asyncio.TaskGroup() as group:
        asking = [
            group.create_task(
                _check_key(catalogue, catalogue.providers[provider], key, given.base_url, number),
                name=f"key of {provider}",
            )
            for provider, given in opened.items()
            for number, key in enumerate(given.keys, start=1)
        ]
    return [task.result() for task in asking]


async def _check_key(
    catalogue: Catalogue, host: Provider, key: SecretStr, base_url: str | None, number: int
) -> Check:
    variable = host.key_variables[0]
    # It may have come from a file or a command: the variable names it all the same.
    name = f"key {variable}" if number == 1 else f"key {variable}_{number}"
    alone = {host.id: Credential(key=key, base_url=base_url)}
    try:
        async with asyncio.timeout(_SECONDS), Router(catalogue, alone) as router:
            listed = await router.list_models(host.id)
    except _REFUSED as error:
        page = f" from {host.key_page}" if host.key_page else ""
        return missing(name, str(error), f"set {variable} to a key{page} that is accepted")
    except (TimeoutError, *_NOT_ASKED) as error:
        why = str(error) or f"no answer within {_SECONDS:.0f} s"
        return note(name, f"is set; it could not be tried: {why}", "cogo models test")
    except ProviderError as error:
        return note(name, f"is set; no list of models proves it: {error}", "cogo models test")
    if host.lists_without_key:
        return note(name, f"is set; {host.name} lists its models to anybody", "cogo models test")
    return ok(name, f"{host.name} accepts it and lists {len(listed)} models")
