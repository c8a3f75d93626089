"""The services of the gateway and its options, built from the settings."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from cogo.config.catalogue import load_catalogue
from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.config.settings import Settings
from cogo.wiring.catalogue_watch import watch_catalogue
from cogo.wiring.memory.services import open_memory_services
from cogo.wiring.model_directory import CatalogueModelDirectory, build_start_knowledge
from cogo.wiring.stores import build_bus, open_supabase_store
from gateway.auth.authenticator import Authenticator
from gateway.auth.sign_in import ATTEMPTS_PER_MINUTE, SignIn
from gateway.auth.tokens import TokenVerifier
from gateway.dependencies import GatewayServices
from gateway.limits.credential_monitor import CredentialMonitor
from gateway.limits.rate_limiter import RequestRateLimiter
from gateway.links.tokens import LinkSigner
from gateway.metrics import GatewayMetrics
from gateway.middleware import LOOPBACK_NAMES
from gateway.options import GatewayOptions
from gateway.streams.task_feeds import TaskFeeds
from gateway.streams.task_lists import TaskLists
from protocol.transport.tls import choose_ssl_context


@asynccontextmanager
async def open_services(
    project: Project, connection: Connection, options: GatewayOptions, metrics: GatewayMetrics
) -> AsyncIterator[GatewayServices]:
    """Open the services that the routes use."""
    catalogue = load_catalogue(project)
    async with (
        watch_catalogue(project, catalogue),
        open_supabase_store(connection) as store,
        build_bus(connection) as bus,
        httpx.AsyncClient(
            timeout=httpx.Timeout(10.0, connect=5.0), verify=choose_ssl_context(connection.url)
        ) as http,
        TaskFeeds(store=store, bus=bus, poll=options.poll) as feeds,
        TaskLists(store=store, bus=bus, poll=options.poll) as task_lists,
        open_memory_services(project, store, lambda: catalogue) as memory,
    ):
        metrics.watchers.set_function(lambda: feeds.watchers)
        authenticator = Authenticator(
            store=store,
            tokens=TokenVerifier(
                http,
                url=connection.url,
                publishable_key=connection.publishable_key,
                jwt_secret=project.settings.jwt_secret,
            ),
            rates=RequestRateLimiter(options.requests_per_minute, clock=time.monotonic),
            allows_keyless=options.is_loopback and options.is_keyless,
        )
        directory = CatalogueModelDirectory(
            catalogue=catalogue,
            store=store,
            spending=store,
            start=build_start_knowledge(project),
        )
        async with CredentialMonitor(authenticator, every=options.recheck).running() as credentials:
            yield GatewayServices(
                store=store,
                feeds=feeds,
                task_lists=task_lists,
                model_directory=directory,
                authenticator=authenticator,
                sign_in=SignIn(
                    http,
                    url=connection.url,
                    publishable_key=connection.publishable_key,
                    attempts=RequestRateLimiter(ATTEMPTS_PER_MINUTE, clock=time.monotonic),
                ),
                credentials=credentials,
                metrics=metrics,
                options=options,
                memory=memory,
                links=build_link_signer(project.settings),
            )


def build_gateway_options(settings: Settings, *, host: str, no_key: bool = False) -> GatewayOptions:
    """Build the options from the settings; `no_key` means the same as COGO_GATEWAY_KEYLESS."""
    return GatewayOptions(
        is_loopback=host in LOOPBACK_NAMES,
        is_keyless=no_key or settings.gateway_keyless,
        cors_origins=_split_list(settings.gateway_cors),
        allowed_hosts=_split_list(settings.gateway_hosts),
        proxies=_split_list(settings.gateway_proxies),
        body_bytes=settings.gateway_body_bytes,
        connections=settings.gateway_connections,
        share=settings.gateway_share,
        requests_per_minute=settings.gateway_rate,
        cancels_on_disconnect=settings.gateway_cancel,
        public_url=settings.gateway_url,
        console_parts=settings.console_parts,
    )


def build_link_signer(settings: Settings) -> LinkSigner | None:
    """Return what signs links to questions; None without COGO_LINK_SECRET."""
    secret = settings.link_secret
    return None if secret is None else LinkSigner(secret.get_secret_value())


def _split_list(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())
