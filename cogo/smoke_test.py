"""Test requests to every provider that has credentials."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cogo.config.catalogue import SIMULATED
from providers.adapters.listings import ListedModel
from providers.calls.middleware import CallMiddleware
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Credentials, Deployment
from providers.errors import NotServed, ProviderError
from providers.prices import get_unit_prices
from providers.router import Router
from providers.smoke_test import STEPS, StepResult, run_smoke_test
from simulator.formats.openai_compatible import MODELS, api_path
from simulator.local.models import LOCAL_MODELS

SIMULATED_PATHS: Final = {
    **SIMULATED,
    "gemini": "/gemini/v1beta",
    **{str(vendor): f"/{vendor}{api_path(vendor)}" for vendor in (*MODELS, *LOCAL_MODELS)},
}
"""Every provider that the vendor simulator stands in for, and the path of its base URL."""

_UNKNOWN_PRICE: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTestReport:
    """The results of one provider."""

    provider: str
    model: str | None
    """Canonical id; None if no model was found."""
    trials: tuple[StepResult, ...]

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(trial.ok is not False for trial in self.trials)


def _ignore(_: SmokeTestReport) -> None:
    """Do nothing with a report."""


async def try_providers(
    catalogue: Catalogue,
    credentials: Credentials,
    *,
    middleware: Sequence[CallMiddleware] = (),
    on_report: Callable[[SmokeTestReport], None] = _ignore,
) -> list[SmokeTestReport]:
    """Test the cheapest model of each provider, concurrently."""

    async def test(provider: str, credential: Credential) -> SmokeTestReport:
        # Only this provider: none of its models is called elsewhere.
        alone = Router(catalogue, {provider: credential}, middleware=middleware)
        async with alone as router:
            report = await _try_provider(router, provider)
        on_report(report)
        return report

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(test(provider, credential), name=provider)
            for provider, credential in credentials.items()
        ]
    return [task.result() for task in tasks]


async def try_models(
    catalogue: Catalogue,
    credentials: Credentials,
    model_ids: Iterable[str],
    *,
    middleware: Sequence[CallMiddleware] = (),
    on_report: Callable[[SmokeTestReport], None] = _ignore,
) -> list[SmokeTestReport]:
    """Test these models, each at the provider that would be used.

    Raises:
        UnknownModel: A model is not a canonical id.
        NotServed: A model cannot be called from here.
    """
    reports = []
    async with Router(catalogue, credentials, middleware=middleware) as router:
        await router.discover()
        for place in [_require_deployment(router, each) for each in model_ids]:
            trials = [trial async for trial in run_smoke_test(router, place)]
            report = SmokeTestReport(
                provider=place.provider, model=place.model.id, trials=tuple(trials)
            )
            on_report(report)
            reports.append(report)
    return reports


def _require_deployment(router: Router, model_id: str) -> Deployment:
    places = router.list_deployments(model_id)
    if not places:
        hosts = [each.provider for each in router.catalogue.get_model(model_id).deployments]
        ways = " or ".join(router.catalogue.providers[host].how_to_open for host in hosts)
        raise NotServed(f"{model_id} cannot be called from here: {ways}")
    return places[0]


async def _try_provider(router: Router, provider: str) -> SmokeTestReport:
    failed: ProviderError | None = None
    listed: list[ListedModel] = []
    try:
        listed = await router.list_models(provider)  # imports here, so that no step times it
    except ProviderError as error:
        failed = error  # many providers answer calls nevertheless
    place = _find_cheapest(router, provider) or _find_listed(router, provider, listed)
    if place is None:
        why = f"{failed.code}: {failed}" if failed else "it lists no model"
        nothing = StepResult(step=STEPS[0], ok=False if failed else None, detail=why)
        return SmokeTestReport(provider=provider, model=None, trials=(nothing,))
    trials = [trial async for trial in run_smoke_test(router, place)]
    return SmokeTestReport(provider=provider, model=place.model.id, trials=tuple(trials))


def _find_cheapest(router: Router, provider: str) -> Deployment | None:
    places = [
        place
        for model in router.catalogue.models.values()
        if model.retirement is None
        for place in router.list_deployments(model.id)
        if place.provider == provider
    ]
    return min(places, key=_get_price, default=None)


def _get_price(place: Deployment) -> Decimal:
    prices = get_unit_prices(place)
    return prices.output if prices is not None else _UNKNOWN_PRICE


def _find_listed(router: Router, provider: str, listed: Sequence[ListedModel]) -> Deployment | None:
    own = next((model.id for model in listed if "embed" not in model.id.lower()), None)
    if own is None or not router.catalogue.providers[provider].any_model:
        return None
    return router.list_deployments(f"{provider}/{own}")[0]


def build_rows(reports: Sequence[SmokeTestReport]) -> list[tuple[str, ...]]:
    """Return the rows of a table with the columns HEADINGS."""
    marks = {True: "ok", False: "FAILED", None: "-"}
    return [
        (
            report.provider,
            report.model or "-",
            trial.step,
            marks[trial.ok],
            f"{trial.seconds:.2f}",
            "-" if trial.cost_usd is None else f"{trial.cost_usd:.6f}",
            trial.detail,
        )
        for report in reports
        for trial in report.trials
    ]


HEADINGS: Final = ("PROVIDER", "MODEL", "STEP", "", "SECONDS", "USD", "DETAIL")
