"""Models as their providers list them. One malformed row does not invalidate a list."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

from loguru import logger

from providers.adapters.payload import get_count, get_text
from providers.catalogue.schema import Model
from providers.errors import MalformedResponse

_MAX_PAGES: Final = 20
_FIELDS: Final = ("data", "models")

Row: TypeAlias = Mapping[str, Any]
"""One model as its provider describes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrices:
    """Listed prices in US dollars per million tokens."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A model as its provider lists it; None where the listing has no value."""

    id: str
    display_name: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    retires_on: date | None = None
    prices: ListedPrices | None = None


class Listings:
    """The latest lists of providers that serve exactly what they list.

    A provider without a list is assumed to serve everything.
    """

    def __init__(self) -> None:
        self._listed: dict[str, frozenset[str]] = {}

    def keep(self, provider: str, own_ids: Iterable[str]) -> None:
        """Store the provider's latest list."""
        self._listed[provider] = frozenset(own_ids)

    def keep_known(self, provider: str, own_ids: Sequence[str], *, known: AbstractSet[str]) -> None:
        """Store a list, unless it has no known model, as its ids then have another format."""
        if known.isdisjoint(own_ids):
            logger.warning(
                "ignoring a list of models without any known model",
                provider=provider,
                listed=len(own_ids),
            )
        else:
            self.keep(provider, own_ids)

    def lacks(self, model: Model, provider: str, own_id: str) -> bool:
        """Return whether a provider no longer lists a current model.

        False for a retired one: it may run on a dedicated deployment, which is not among the listed
        serverless models.
        """
        listed = self._listed.get(provider)
        return model.retirement is None and listed is not None and own_id not in listed

    def lacks_all(self, model: Model, provider: str) -> bool:
        """Return whether a provider no longer lists any of its deployments of a current model."""
        own = [entry.model for entry in model.deployments if entry.provider == provider]
        return bool(own) and all(self.lacks(model, provider, each) for each in own)

    def revives(self, model: Model) -> bool:
        """Return whether a retired model is listed after all."""
        return model.retirement is not None and any(
            entry.model in self._listed.get(entry.provider, ()) for entry in model.deployments
        )


def read_rows(vendor: str, page: object) -> list[Row]:
    """Return the models of `{"data": [...]}`, `{"models": [...]}` or a bare list.

    Raises:
        MalformedResponse: it is not a list of models.
    """
    fields = [page.get(name) for name in _FIELDS] if isinstance(page, Mapping) else [page]
    rows = next((each for each in fields if isinstance(each, list)), None)
    named = [row for row in rows or () if get_row_id(row, "id", "name")]
    if rows is None or (rows and not named):
        raise MalformedResponse(vendor, "the list of models has an unknown format")
    return named


def get_row_id(row: object, *names: str) -> str:
    """Return the first of these fields that holds text, or the empty text."""
    if not isinstance(row, Mapping):
        return ""
    return next((text for name in names if (text := get_text(row, name))), "")


def get_number(row: Row, *names: str) -> int | None:
    """Return the first of these fields that holds a number of tokens."""
    return next((found for name in names if (found := get_count(row, name)) is not None), None)


def get_date(row: Row, name: str) -> date | None:
    """Return the day of a field with a date or a timestamp."""
    try:
        return date.fromisoformat((get_text(row, name) or "")[:10])
    except ValueError:
        return None


async def fetch_listing(
    vendor: str,
    fetch: Callable[[Mapping[str, str]], Awaitable[object]],
    *,
    next_field: str = "nextPageToken",
    parameter: str = "pageToken",
    more_field: str | None = None,
) -> list[Row]:
    """Return the models of all pages; `fetch` gets the query parameters of each page.

    The value of `next_field` is sent as `parameter` to get the next page. If the vendor has a
    `more_field`, there is a next page only if it is true.

    Raises:
        MalformedResponse: see `read_rows`.
    """
    rows: list[Row] = []
    parameters: Mapping[str, str] = {}
    for _ in range(_MAX_PAGES):
        page = await fetch(parameters)
        rows += read_rows(vendor, page)
        if not isinstance(page, Mapping):
            break
        if more_field is not None and page.get(more_field) is not True:
            break
        token = get_text(page, next_field)
        if not token:
            break
        parameters = {parameter: token}
    return rows
