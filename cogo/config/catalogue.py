"""The catalogue of models with the changes of a project, and the credentials of providers."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from pydantic import SecretStr

from cogo.config.context import Project, read_overlays
from cogo.config.local_model import PROVIDER, list_served_urls
from cogo.config.logging import hide_in_logs
from cogo.config.secrets import SecretSources
from cogo.config.settings import Settings
from cogo.errors import SettingInvalid, UsageError
from providers.catalogue.catalogue import Catalogue, Resolution
from providers.catalogue.data_policy import parse_rules
from providers.catalogue.deployment import Credential, Credentials
from providers.catalogue.loader import CHECKED_ON
from providers.errors import CatalogueInvalid, UnknownModel

SIMULATED: Final = {"anthropic": "/anthropic", "fireworks": "/fireworks", "openai": "/openai/v1"}
"""Providers that the vendor simulator stands in for by default, and the path of each."""

CATALOGUE: Final = "the catalogue"
"""Name in a SettingInvalid that is about a file of the catalogue instead of a variable."""

DATA_POLICY: Final = "COGO_DATA_POLICY"
_ROLE_VARIABLES: Final = {"DEFAULT_MODEL": "default", "FIREWORKS_MODEL": "coding"}


def load_catalogue(project: Project) -> Catalogue:
    """Load the catalogue, then `cogo.toml`, then the variables that name models and rules.

    Raises SettingInvalid, which names the file and the entry, or the variable.
    """
    try:
        overlays, *_ = read_overlays(project.settings, project.directory)
        catalogue = Catalogue.load(*overlays, today=_today())
    except CatalogueInvalid as error:
        raise SettingInvalid(CATALOGUE, reason=str(error)) from error
    if rules := read_data_policy(project.settings):
        catalogue = catalogue.with_data_policy(rules)
    for variable, role in _ROLE_VARIABLES.items():
        name = project.settings.value(variable)
        if name is None:
            continue
        try:
            catalogue = catalogue.with_roles({role: name})
        except UnknownModel as error:
            raise SettingInvalid(variable, reason=str(error)) from error
    return catalogue


def read_data_policy(settings: Settings) -> tuple[str, ...]:
    """Return the rules that hold for all tasks. Raises SettingInvalid."""
    try:
        return parse_rules(settings.data_policy.replace(",", " ").split())
    except ValueError as error:
        raise SettingInvalid(DATA_POLICY, reason=str(error)) from error


def describe_ended_models(catalogue: Catalogue) -> tuple[str, ...]:
    """Return a sentence for each model that was retired after the packaged facts were checked."""
    return catalogue.describe_endings(since=CHECKED_ON, until=_today())


def _today() -> date:
    return datetime.now(UTC).date()  # noqa: TID251 - the edge where time enters


def load_credentials(
    project: Project, catalogue: Catalogue, simulator_url: str | None = None
) -> Credentials:
    """Return the credentials of each provider, from the variables that the catalogue names.

    With a simulator, only its providers have credentials, and no key of the environment is used.
    """
    if simulator_url is not None:
        return build_simulated_credentials(simulator_url, SIMULATED)
    return KeySource(project, catalogue).read()


def build_simulated_credentials(url: str, paths: Mapping[str, str]) -> Credentials:
    """Return credentials for providers of the simulator at `url`, each with its path there."""
    return {
        provider: Credential(key=SecretStr("simulated"), base_url=url + path, simulated=True)
        for provider, path in paths.items()
    }


class KeySource:
    """The credentials of each provider, which can be read again.

    Methods block. Not thread-safe.
    """

    def __init__(self, project: Project, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._secrets = SecretSources(partial(Settings.load, project.directory))

    def reread(self, urgent: bool) -> Credentials:
        """Read everything again; if `urgent`, also run commands whose output is still fresh.

        Raises SettingInvalid.
        """
        self._secrets.reread(urgent=urgent)
        return self.read()

    def read(self) -> Credentials:
        """Return the credentials of each provider. Raises SettingInvalid."""
        found = {}
        for provider in self._catalogue.providers.values():
            keys = [key for name in provider.key_variables for key in self._secrets.keys(name)]
            bases = map(self._secrets.settings.value, provider.base_url_variables)
            base_url = next(filter(None, bases), None)
            if keys or base_url is not None:
                first, spare = (keys[0], tuple(keys[1:])) if keys else (None, ())
                found[provider.id] = Credential(key=first, spare_keys=spare, base_url=base_url)
        served = list_served_urls()
        if served and PROVIDER in self._catalogue.providers:
            found[PROVIDER] = Credential(base_url=served[0], more_urls=tuple(served[1:]))
        hide_in_logs(key.get_secret_value() for each in found.values() for key in each.keys)
        return found


def resolve_name(catalogue: Catalogue, name: str) -> Resolution:
    """Resolve a name as of today. Raises UsageError, with the nearest names."""
    try:
        return catalogue.resolve(name)
    except UnknownModel as error:
        raise build_unknown_name_error(error) from error


def build_unknown_name_error(error: UnknownModel) -> UsageError:
    """Return the error that a command shows for an unknown name."""
    join = " " if error.nearest else "; "  # the nearest names are a question
    return UsageError(f"{error}{join}`cogo models --all` lists all names")


SIMULATED_SYSTEM: Final = (
    "this system is simulated: restart `cogo up` (without --simulate) to use the models here"
)
"""What to say when the executors that run call the simulator, though models can be called."""


async def must_simulate(project: Project) -> bool:
    """Return whether no model can be reached from here. Raises SettingInvalid."""
    from providers.router import Router  # noqa: PLC0415 - most commands call no model

    catalogue = load_catalogue(project)
    async with Router(catalogue, load_credentials(project, catalogue)) as router:
        await router.discover()
        return not router.list_lanes()
