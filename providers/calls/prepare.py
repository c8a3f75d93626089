"""A request adapted to one deployment, ready to be sent."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import SecretStr

from providers.adapters.answer_check import ContentCheck
from providers.adapters.base import Adapter, Timeouts
from providers.adapters.earlier_calls import mend_earlier_calls
from providers.calls.masking import mask_answer, mask_request
from providers.calls.refused_schemas import stream_with_schema
from providers.catalogue.deployment import Deployment
from providers.chat import Attachment, ChatRequest, Event
from providers.secrets import Redactor

USUAL_CHARACTERS_PER_TOKEN: Final = 4
"""An approximation, of all tokenizers, for limits of rates and prices of what has no count.

Where a mistake to one side does harm, there is an estimate on the other side:
`agents.memory.conversation.tokens` for what must fit a window, `agents.memory.chunking` for chunks,
`agents.selection.evidence.estimates` for prompts of which only the length is known, and
`providers.calls.max_cost` for the most that a call may cost.
"""
_TOKENS_OF_IMAGE: Final = 1_500
_TOKENS_OF_PAGES: Final = 20_000
_BYTES_OF_PDF_PER_TOKEN: Final = 20


class VendorRequest(Protocol):
    """The part of a request that middleware needs, for text and for vectors."""

    @property
    def stream(self) -> bool:
        """Whether the answer is streamed."""

    @property
    def max_output_tokens(self) -> int | None:
        """Maximum length of the answer; 0 if nothing is generated, None if not limited."""

    @property
    def web_search(self) -> bool:
        """Whether the vendor may search the web."""

    @property
    def search_units(self) -> int:
        """Units of a ranking that the vendor may count; 0 if nothing is ranked."""

    def iter_texts(self) -> Iterable[str]:
        """Iterate over all texts that the model reads."""

    def iter_files(self) -> Iterable[Attachment]:
        """Iterate over all files that the model reads, such as images."""

    def to_audit_record(self) -> dict[str, Any]:
        """Return the prompt for the audit, which hashes it, and stores it if configured."""


def estimate_prompt_tokens(request: VendorRequest) -> int:
    """Return the approximate number of prompt tokens; each vendor counts them differently."""
    text = sum(map(estimate_text_tokens, request.iter_texts()))
    return text + sum(map(estimate_file_tokens, request.iter_files()))


def estimate_text_tokens(text: str) -> int:
    """Return about how many tokens a text has."""
    return -(-len(text) // USUAL_CHARACTERS_PER_TOKEN)


def estimate_file_tokens(attachment: Attachment) -> int:
    """Return the approximate number of tokens of an image or a PDF file."""
    if attachment.is_image:
        return _TOKENS_OF_IMAGE
    size = None if attachment.data is None else len(attachment.data)
    if size is None:
        return _TOKENS_OF_PAGES
    return max(size // _BYTES_OF_PDF_PER_TOKEN, _TOKENS_OF_IMAGE)


@dataclass(kw_only=True)
class PreparedCall(ABC):
    """One request for one deployment. Open it once, then stream it once."""

    deployment: Deployment
    request: VendorRequest
    changes: tuple[str, ...] = ()
    """Notes about changes and omissions to suit the model."""
    masked_keys: int = 0
    """Number of keys that were masked in the request."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user about changes to the request."""
        if not self.masked_keys:
            return self.changes
        return (*self.changes, f"{self.masked_keys} keys in the prompt were masked before sending")

    @abstractmethod
    async def open(self, key: SecretStr | None) -> None:
        """Open the client for a key; nothing is sent yet."""

    @abstractmethod
    def stream(self, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """Send the request and yield the events of the answer; closing it ends the call."""


OpenAdapter = Callable[[Deployment, SecretStr | None], Awaitable[Adapter]]


@dataclass(kw_only=True)
class _PreparedChat(PreparedCall):
    request: ChatRequest
    redactor: Redactor
    open_adapter: OpenAdapter
    _adapter: Adapter = field(init=False)

    async def open(self, key: SecretStr | None) -> None:
        self._adapter = await self.open_adapter(self.deployment, key)

    def stream(self, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        if self.request.response_schema is None:
            events = self._adapter.stream(self.request, timeouts=timeouts)
        else:
            events = stream_with_schema(self._adapter, self.request, timeouts=timeouts)
        check = ContentCheck(self.deployment.provider)
        return mask_answer(events, self.redactor, check=check.check)


def prepare_chat(
    request: ChatRequest, deployment: Deployment, open_adapter: OpenAdapter, redactor: Redactor
) -> PreparedCall:
    """Adapt a request to the model, and mask keys in the prompt and in the answer."""
    request, changes = deployment.fit_request(request)
    if request.text_calls is None:
        request = mend_earlier_calls(request)
    found = 0
    if deployment.masks_keys:
        request, found = mask_request(request, redactor)
    return _PreparedChat(
        deployment=deployment,
        request=request,
        changes=changes,
        masked_keys=found,
        redactor=redactor,
        open_adapter=open_adapter,
    )
