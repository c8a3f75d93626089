"""Fixtures for every kind of test, and the settings of all properties."""

import atexit
import gc
import os
import ssl
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import httpx
import httpx2
import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.support.servers.postgres",
    "tests.support.servers.embedded",
    "tests.support.servers.project",
    "tests.support.servers.contract_target",
    "tests.support.node",
]

# The tests of all files are objects that live to the end. Searching them for garbage, again and
# again, took a third of the time.
gc.set_threshold(50_000)
atexit.register(gc.freeze)

_LONGEST_FIRST: Final = ("chaos", "e2e", "integration", "mutation", "contract", "db", "unit")
"""Folders by how long one of their files takes: who gets a long one last works alone on it."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put folders in the order in which `--no-loadscope-reorder` hands their files out."""
    places = {folder: number for number, folder in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.removeprefix("tests/").partition("/")[0], 0))


def pytest_collection_finish() -> None:
    """Take what has been collected out of the searches for garbage."""
    gc.freeze()


# By default an example that takes 0.2 s fails, and so do examples that are slow to make: that says
# something about the machine, not about us. The examples are the same for everybody, as the order
# of tests is; `scripts/test --hypothesis-profile=default` tries others.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _no_configuration_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither read nor write `~/.config/cogo` of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Share what takes each of thousands of clients 20 ms of CPU."""
    with pytest.MonkeyPatch.context() as patch:
        for library in (httpx, httpx2):
            name = f"{library.__name__}._transports.default.create_ssl_context"
            patch.setattr(name, _read_once(library.create_ssl_context))
        yield


def _read_once(create: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    @cache
    def read(trust_env: bool, _file: str | None, _folder: str | None) -> ssl.SSLContext:
        return create(trust_env=trust_env)

    def create_once(
        verify: object = True, cert: object = None, trust_env: bool = True
    ) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            return create(verify=verify, cert=cert, trust_env=trust_env)
        file, folder = map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))  # noqa: TID251
        return read(trust_env, file, folder)

    return create_once
