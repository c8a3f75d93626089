"""A request as one deployment takes it, ready to be sent."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from pydantic import SecretStr

from providers.adapters.answer_check import guarded
from providers.adapters.base import Adapter, Timeouts
from providers.catalogue.deployment import Deployment
from providers.chat import ChatRequest, Event
from providers.masking import masked, masked_answer
from providers.secrets import Redactor

__all__ = ["Prepared", "Sending", "VendorRequest", "masked_note", "prepared_chat", "prompt_tokens"]


_CHARACTERS_PER_TOKEN: Final = 4


class VendorRequest(Protocol):
    """What gates need to know of a request, whatever it asks for."""

    @property
    def whole(self) -> bool:
        """Whether the answer comes in one piece."""

    @property
    def max_output_tokens(self) -> int | None:
        """The longest answer; 0 where nothing is written, None where nobody said."""

    def reads(self) -> Iterable[str]:
        """Every text that the model reads."""

    def audited(self) -> dict[str, Any]:
        """The prompt as the audit hashes it, and keeps it where that is switched on."""


def prompt_tokens(request: VendorRequest) -> int:
    """Return the tokens of a prompt, roughly: vendors count them in ways of their own."""
    return sum(map(len, request.reads())) // _CHARACTERS_PER_TOKEN


Sending: TypeAlias = AsyncGenerator[Event, None]
"""The events of one call; closing it ends the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One request for one deployment."""

    request: VendorRequest
    send: Callable[[SecretStr | None], Awaitable[Callable[[Timeouts], Sending]]]
    """Opens what the call goes through, for a key; what that gives begins the call."""
    notes: tuple[str, ...] = ()
    """What had to be changed or left out."""
    masked_keys: int = 0
    """How many keys were taken out of the request."""


def prepared_chat(
    request: ChatRequest,
    deployment: Deployment,
    adapter: Callable[[Deployment, SecretStr | None], Awaitable[Adapter]],
    redactor: Redactor,
) -> Prepared:
    """Fit the request to the model, and mask what must not leave and what must not come back."""
    fitted, notes = deployment.fitted(request)
    found = 0
    if deployment.masks_keys:
        fitted, found = masked(fitted, redactor)

    async def send(key: SecretStr | None) -> Callable[[Timeouts], Sending]:
        opened = await adapter(deployment, key)
        return lambda timeouts: masked_answer(
            guarded(deployment.provider, opened.stream(fitted, timeouts=timeouts)), redactor
        )

    return Prepared(
        request=fitted, send=send, notes=(*notes, *masked_note(found)), masked_keys=found
    )


def masked_note(found: int) -> tuple[str, ...]:
    """Say that keys were taken out, if any were."""
    return (f"{found} keys in the prompt were masked before it was sent",) if found else ()
