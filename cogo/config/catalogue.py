"""Models: the catalogue with this project's changes, and the credentials that are here."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from pydantic import SecretStr

from cogo.config.context import Project, read_overlays
from cogo.config.logging import hide_in_logs
from cogo.config.secrets import Vault
from cogo.config.settings import Settings
from cogo.errors import CommandError, SettingInvalid
from providers.catalogue.catalogue import Catalogue, Resolution
from providers.catalogue.deployment import Credential, Credentials
from providers.catalogue.discovery import LocalServer, find_servers
from providers.catalogue.loader import CHECKED_ON
from providers.catalogue.schema import Model
from providers.errors import CatalogueInvalid, UnknownModel
from providers.router import Router

SIMULATED: Final = {"anthropic": "/anthropic", "fireworks": "/fireworks", "openai": "/openai/v1"}
"""Providers whose wire formats the vendor simulator speaks, and the path below which it does."""

CATALOGUE: Final = "the catalogue"
"""What is wrong when no variable is: a file that is read into it."""

_ROLE_VARIABLES: Final = {"DEFAULT_MODEL": "default", "FIREWORKS_MODEL": "coding"}


def load_catalogue(project: Project) -> Catalogue:
    """Read the catalogue, then `cogo.toml`, then the variables that name models.

    Raises SettingInvalid, which names the file and the entry, or the variable.
    """
    try:
        overlays, *_ = read_overlays(project.settings, project.directory)
        catalogue = Catalogue.load(*overlays, today=_today())
    except CatalogueInvalid as error:
        raise SettingInvalid(CATALOGUE, reason=str(error)) from error
    for variable, role in _ROLE_VARIABLES.items():
        name = project.settings.value(variable)
        if name is None:
            continue
        try:
            catalogue = catalogue.with_roles({role: name})
        except UnknownModel as error:
            raise SettingInvalid(variable, reason=str(error)) from error
    return catalogue


def ended_models(catalogue: Catalogue) -> tuple[str, ...]:
    """Return a sentence for each model that ended after the packaged facts were checked."""
    return catalogue.ended(since=CHECKED_ON, until=_today())


def _today() -> date:
    return datetime.now(UTC).date()  # noqa: TID251 - the edge where time enters


def credentials(
    project: Project, catalogue: Catalogue, simulator_url: str | None = None
) -> Credentials:
    """Give what opens each provider: from the variables that the catalogue names.

    With a simulator only its providers are open, and no key of the environment is used.
    """
    if simulator_url is not None:
        return {
            name: Credential(
                key=SecretStr("simulated"), base_url=f"{simulator_url}{path}", simulated=True
            )
            for name, path in SIMULATED.items()
        }
    return KeySource(project, catalogue).read()


class KeySource:
    """What opens each provider, read from where the operator keeps keys, as often as asked.

    Blocks; not for two threads at once.
    """

    def __init__(self, project: Project, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._vault = Vault(partial(Settings.load, project.directory))

    def reread(self, urgent: bool) -> Credentials:
        """Look again; an urgent need also asks commands whose output is still fresh.

        Raises SettingInvalid.
        """
        self._vault.reread(urgent=urgent)
        return self.read()

    def read(self) -> Credentials:
        """Give what opens each provider. Raises SettingInvalid."""
        opened = {}
        for provider in self._catalogue.providers.values():
            keys = [key for name in provider.key_variables for key in self._vault.keys(name)]
            bases = map(self._vault.settings.value, provider.base_url_variables)
            base_url = next(filter(None, bases), None)
            if keys or base_url is not None:
                first, spare = (keys[0], tuple(keys[1:])) if keys else (None, ())
                opened[provider.id] = Credential(key=first, spare_keys=spare, base_url=base_url)
        hide_in_logs(key.get_secret_value() for each in opened.values() for key in each.keys)
        return opened


def named_model(catalogue: Catalogue, name: str) -> Model:
    """Find the model that a person named, retired or not. Raises CommandError."""
    return catalogue.model(resolved(catalogue, name).asked_id)


def resolved(catalogue: Catalogue, name: str) -> Resolution:
    """Find what a name stands for today. Raises CommandError, with the nearest names."""
    try:
        return catalogue.resolve(name)
    except UnknownModel as error:
        join = " " if error.nearest else "; "  # the nearest names end as a question
        raise CommandError(f"{error}{join}`cogo models --all` lists all names") from error


def key_variables(catalogue: Catalogue) -> Iterator[str]:
    """Name every variable that may hold a key of a provider."""
    for provider in catalogue.providers.values():
        yield from provider.key_variables


async def local_servers(project: Project, catalogue: Catalogue) -> list[LocalServer]:
    """Look for model servers on this machine."""
    return await find_servers(catalogue, credentials(project, catalogue))


async def must_simulate(project: Project) -> bool:
    """Tell whether no model at all can be reached from here. Raises SettingInvalid."""
    catalogue = load_catalogue(project)
    async with Router(catalogue, credentials(project, catalogue)) as router:
        await router.discover()
        return not router.served_lanes()
