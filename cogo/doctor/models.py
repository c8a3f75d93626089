"""Checks of the models: the catalogue, the keys, local servers."""

from collections.abc import AsyncIterator

from cogo.config.catalogue import (
    CATALOGUE,
    credentials,
    ended_models,
    load_catalogue,
    local_servers,
)
from cogo.config.context import Project
from cogo.doctor.check import Check, missing, note, ok
from cogo.doctor.keys import check_keys
from cogo.errors import CommandError, SettingInvalid


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
