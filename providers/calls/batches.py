"""Calls of models that write no text: several requests at once, with the router's middleware."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, Self, TypeVar

from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.gemini.errors import refine_error
from providers.adapters.http.client import VendorClient
from providers.adapters.http.error_mapping import PARSE_ERRORS
from providers.calls.fallback import FallbackCall
from providers.calls.middleware import CallContext, CallMiddleware
from providers.calls.prepare import PreparedCall, VendorRequest
from providers.calls.timeouts import resolve_timeouts
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_deployment_objection, join_rules
from providers.catalogue.deployment import Deployment
from providers.catalogue.keyring import Keyring, check_key
from providers.catalogue.schema import Provider, TimeoutSeconds
from providers.chat import Attachment, Done, Event, FinishReason, TokenUsage
from providers.errors import MalformedResponse, NotServed
from providers.prices import calculate_cost, load_prices
from providers.secrets import Redactor

R = TypeVar("R", bound=VendorRequest)

MAX_DURATION: Final = timedelta(seconds=60)
"""Maximum duration of one request, regardless of longer timeouts."""
MAX_CONCURRENT: Final = 4
"""Concurrent requests of one call, which leaves capacity for others."""


class VendorPost(NamedTuple):
    """One request over HTTP."""

    url: str
    body: Mapping[str, Any]
    longest: int
    """Maximum bytes of the response."""


class Batch(Protocol):
    """One request of a call, which keeps what was answered."""

    def prepare(self, deployment: Deployment) -> PreparedCall:
        """Adapt the request to the deployment; see `prepare_chat`."""


class TextlessRequest:
    """The properties of a request, as a `VendorRequest`, that nothing is written for."""

    @property
    def stream(self) -> bool:
        """Always False: what it returns is not streamed."""
        return False

    @property
    def max_output_tokens(self) -> int:
        """Always 0: nothing is generated."""
        return 0

    @property
    def web_search(self) -> bool:
        """Always False: the web is not searched."""
        return False

    def iter_files(self) -> Iterable[Attachment]:
        """Iterate over no files."""
        return ()


@dataclass(slots=True, kw_only=True)
class TextlessBatch(ABC, Generic[R]):
    """A `Batch` that is one POST of JSON."""

    request: R
    get_client: Callable[[SecretStr | None], VendorClient]
    redactor: Redactor

    what: ClassVar[str]
    """The name of its answer in messages, with its verb: `the ranking is`."""

    @abstractmethod
    def mask_request(self) -> tuple[R, int]:
        """Return the request without keys in its texts, and how many there were."""

    @abstractmethod
    def build_post(self, request: R, base_url: str) -> VendorPost:
        """Return what is sent."""

    @abstractmethod
    def read(
        self, answer: Any, request: R, deployment: Deployment
    ) -> tuple[TokenUsage, tuple[str, ...]]:
        """Keep the answer; return what was used, and notes. Raise one of `PARSE_ERRORS`."""

    def prepare(self, deployment: Deployment) -> PreparedCall:
        """Mask keys in the texts; see `prepare_chat`."""
        request, found = self.mask_request() if deployment.masks_keys else (self.request, 0)
        return _PreparedBatch(deployment=deployment, request=request, masked_keys=found, batch=self)


@dataclass(kw_only=True)
class _PreparedBatch(PreparedCall, Generic[R]):
    request: R
    batch: TextlessBatch[R]
    _client: VendorClient = field(init=False)

    async def open(self, key: SecretStr | None) -> None:
        self._client = self.batch.get_client(key)

    async def stream(self, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        post = self.batch.build_post(self.request, self.deployment.base_url)
        answer = await self._client.post(
            post.url, post.body, within=min(timeouts.total, MAX_DURATION), longest=post.longest
        )
        try:
            usage, notes = self.batch.read(answer, self.request, self.deployment)
        except PARSE_ERRORS as error:
            raise MalformedResponse(
                self.deployment.provider, f"{self.batch.what} not as documented"
            ) from error
        yield usage
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="", notes=notes)


class BuildDeployment(Protocol):
    """Builds a deployment of one model."""

    def __call__(self, host: Provider, base_url: str, *, simulated: bool) -> Deployment:
        """Return the model at a provider, as a deployment."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """Usage and notes of one request; of one that was not sent, nothing."""

    usage: TokenUsage | None = None
    notes: tuple[str, ...] = ()


class BatchSender:
    """Sends requests to providers. Use it in one event loop, within `async with`."""

    def __init__(
        self,
        catalogue: Catalogue,
        keyring: Keyring,
        *,
        get_base_url: Callable[[Provider], str | None],
        middleware: Sequence[CallMiddleware] = (),
        timeouts: TimeoutSeconds | None = None,
    ) -> None:
        """Create a sender; `get_base_url` returns None if a provider cannot be called."""
        self._catalogue = catalogue
        self._keyring = keyring
        self._get_base_url = get_base_url
        self._middleware = middleware
        self._timeouts = timeouts
        self._clients: dict[tuple[str, str], VendorClient] = {}
        self._stack = AsyncExitStack()

    async def open_deployment(
        self, provider: str, build: BuildDeployment, context: CallContext
    ) -> Deployment:
        """Return a model at its provider, with current keys. Raises NotServed."""
        await self._keyring.refresh()
        host = self._catalogue.providers[provider]
        base_url = self._get_base_url(host)
        if base_url is None:
            raise NotServed(host.how_to_open)
        given = self._keyring.get(host.id)
        deployment = build(host, base_url, simulated=given is not None and given.simulated)
        rules = join_rules(self._catalogue.data_policy, context.data_policy)
        if why := find_deployment_objection(rules, deployment):
            raise NotServed(f"{deployment.model.name} must not be called for this: {why}")
        if deployment.entry.prices is None and host.genai_prices is not None:
            await asyncio.to_thread(load_prices)
        return deployment

    def get_redactor(self) -> Redactor:
        """Return the redactor that masks keys in what is sent."""
        return self._keyring.get_redactor(shapes=True)

    def get_client(
        self, host: Provider, build_headers: Callable[[str], dict[str, str]], key: SecretStr | None
    ) -> VendorClient:
        """Return the client of a provider for a key."""
        check_key(host, key)
        secret = key.get_secret_value() if key else ""
        if (host.id, secret) not in self._clients:
            client = VendorClient(
                vendor=host.id,
                base_url="",
                key=key,
                headers=build_headers(secret),
                refine=refine_error,
            )
            self._clients[host.id, secret] = client
            self._stack.push_async_exit(client)
        return self._clients[host.id, secret]

    async def send_all(
        self, batches: Sequence[Batch], deployment: Deployment, context: CallContext
    ) -> list[BatchReport]:
        """Send all requests. After a failure none is begun, and the running ones are paid for."""
        limit = asyncio.Semaphore(MAX_CONCURRENT)
        failures: list[Exception] = []

        async def send(batch: Batch) -> BatchReport:
            async with limit:
                if failures:
                    return BatchReport()
                call = self._build_call(batch, deployment, context)
                try:
                    return await _collect_report(call.stream())
                except Exception as error:  # raised below, when the others have ended
                    failures.append(error)
                    return BatchReport()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send(batch), name="batch") for batch in batches]
        if failures:
            raise failures[0]
        return [task.result() for task in tasks]

    def _build_call(
        self, batch: Batch, deployment: Deployment, context: CallContext
    ) -> FallbackCall:
        return FallbackCall(
            deployments=[deployment],
            prepare=batch.prepare,
            context=context,
            middleware=self._middleware,
            keyring=self._keyring,
            get_timeouts=lambda each: resolve_timeouts(
                each, requested=context.timeouts, settings=self._timeouts, left=context.time_left
            ),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()


async def _collect_report(events: AsyncGenerator[Event, None]) -> BatchReport:
    usage: TokenUsage | None = None
    notes: tuple[str, ...] = ()
    async with aclosing(events) as each:
        async for event in each:
            match event:
                case TokenUsage():
                    usage = event
                case Done():
                    notes = event.notes
                case _:
                    pass
    return BatchReport(usage, notes)


def list_notes(reports: Sequence[BatchReport]) -> tuple[str, ...]:
    """Return the notes of all requests, each once."""
    return tuple(dict.fromkeys(note for report in reports for note in report.notes))


def sum_input_tokens(reports: Sequence[BatchReport]) -> int | None:
    """Return the tokens that were read; None if one request has no count."""
    counts = [None if each.usage is None else each.usage.input for each in reports]
    known = [each for each in counts if each is not None]
    return sum(known) if len(known) == len(counts) else None


def sum_call_costs(reports: Sequence[BatchReport], deployment: Deployment) -> Decimal | None:
    """Return the cost of all requests; None if a usage or price is unknown."""
    used = [each.usage for each in reports]
    costs = [calculate_cost(usage or TokenUsage(), deployment) for usage in used]
    known = [cost.usd for cost in costs if cost is not None]
    if len(known) < len(used) or (
        None in used and not (deployment.host.local or deployment.simulated)
    ):
        return None
    return sum(known, Decimal())
