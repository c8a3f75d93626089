"""Checks of the models: the catalogue, the keys of providers, local model servers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Final

from pydantic import SecretStr

from cogo.config.catalogue import (
    CATALOGUE,
    describe_ended_models,
    load_catalogue,
    load_credentials,
)
from cogo.config.context import Project
from cogo.config.local_model import HostedModel, read_served_models
from cogo.doctor.check import Check, missing, note, ok
from cogo.errors import CommandError, SettingInvalid
from cogo.local_model.install import describe_download
from cogo.local_model.library import InstalledModel, list_installed_models
from providers.adapters.local.discovery import LocalServer, find_servers
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
_NOT_TESTED: Final = (ConnectionFailed, TimedOut, Overloaded, RateLimited, NotServed)


async def check_models(project: Project) -> AsyncIterator[Check]:
    """Check which models can be used now. Keys are named, never shown."""
    try:
        catalogue = load_catalogue(project)
    except SettingInvalid as error:
        wrong = "cogo.toml" if error.name == CATALOGUE else error.name
        yield missing("catalogue", str(error), f"correct {wrong}")
        return
    yield ok("catalogue", f"{len(catalogue.models)} models of {len(catalogue.providers)} providers")
    for sentence in describe_ended_models(catalogue):
        yield note("catalogue", sentence)
    try:
        found = load_credentials(project, catalogue)
    except CommandError as error:
        yield missing("keys", str(error), "correct the variable")
        return
    keys = await check_keys(catalogue, found)
    for key in keys:
        yield key
    local = await find_servers(catalogue, found)
    for server in local:
        yield ok("local server", describe_server(server))
    served = read_served_models()
    yield _check_local_models(served, list_installed_models())
    if not keys and not local and not served:
        yield note(
            "keys",
            "no provider has a key and no local model server is running; the simulator is used",
            "export ANTHROPIC_API_KEY=...",
        )


def _check_local_models(served: list[HostedModel], installed: list[InstalledModel]) -> Check:
    running = [f"{each.alias} runs at {each.url}" for each in served if each.url]
    if running:
        return ok("local model", ", ".join(running))
    changed = [each.alias for each in installed if each.check_file() != "verified"]
    if changed:
        names = ", ".join(changed)
        return note("local model", f"the files of {names} have changed", "cogo models update")
    if installed:
        names = ", ".join(each.alias for each in installed)
        return ok("local model", f"installed: {names}; none is served (`cogo models serve`)")
    detail = f"not installed; it needs no key: {describe_download()}"
    return note("local model", detail, "cogo up --local-model")


def describe_server(server: LocalServer) -> str:
    """Return what a server serves, and how its models get tools, as it says itself."""
    told = [facts for facts in server.probed.values() if facts]
    modes = Counter(facts.get("tool_mode") for facts in told)
    counts = {
        "structured tools": modes["structured"],
        "tools as text": modes["text"],
        "loaded": sum(facts.get("loaded") is True for facts in told),
        "passed on to another machine": sum(bool(facts.get("is_remote")) for facts in told),
    }
    parts = [f"{what}: {count}" for what, count in counts.items() if count]
    return "; ".join([f"{server.provider} with {len(server.models)} models", *parts])


async def check_keys(catalogue: Catalogue, credentials: Mapping[str, Credential]) -> list[Check]:
    """Request a list of models with every key, concurrently. This costs nothing."""
    async with asyncio.TaskGroup() as group:
        asking = [
            group.create_task(
                _check_key(catalogue, catalogue.providers[provider], key, given.base_url, number),
                name=f"key of {provider}",
            )
            for provider, given in credentials.items()
            for number, key in enumerate(given.keys, start=1)
        ]
    return [task.result() for task in asking]


async def _check_key(
    catalogue: Catalogue, host: Provider, key: SecretStr, base_url: str | None, number: int
) -> Check:
    variable = host.key_variables[0]
    # Named by its variable even if it comes from a file or a command.
    name = f"key {variable}" if number == 1 else f"key {variable}_{number}"
    alone = {host.id: Credential(key=key, base_url=base_url)}
    try:
        async with asyncio.timeout(_SECONDS), Router(catalogue, alone) as router:
            listed = await router.list_models(host.id)
    except _REFUSED as error:
        page = f" from {host.key_page}" if host.key_page else ""
        return missing(name, str(error), f"set {variable} to a key{page} that is accepted")
    except (TimeoutError, *_NOT_TESTED) as error:
        why = str(error) or f"no answer within {_SECONDS:.0f} s"
        return note(name, f"is set; it could not be tested: {why}", "cogo models test")
    except ProviderError as error:
        return note(
            name,
            f"is set; it could not be tested with a list of models: {error}",
            "cogo models test",
        )
    if host.lists_without_key:
        return note(
            name,
            f"is set; not tested: {host.name} lists models without a key",
            "cogo models test",
        )
    return ok(name, f"{host.name} accepts it and lists {len(listed)} models")
