"""What is asked of an embedding model, in the shape that gates know from chat."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.http.client import NativeClient
from providers.adapters.http.error_mapping import UNREADABLE
from providers.calls.prepare import Prepared, Sending, masked_note
from providers.catalogue.deployment import Deployment
from providers.chat import Done, FinishReason, Usage
from providers.embeddings.records import Purpose
from providers.embeddings.wires import Read, Wire
from providers.errors import MalformedResponse
from providers.masking import mask_keys
from providers.secrets import Redactor

__all__ = ["LONGEST_VECTOR", "Batch", "EmbeddingRequest"]

LONGEST_VECTOR: Final = 512 * 1024
"""Bytes of an answer for each text: 8,192 numbers of 64 characters."""
LONGEST: Final = timedelta(seconds=60)
"""For one request, whatever else is allowed: nothing is generated that could take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """The texts of one request."""

    model: str
    """The provider's own id."""
    texts: tuple[str, ...]
    purpose: Purpose
    dimensions: int | None

    @property
    def whole(self) -> bool:
        """The vectors come in one piece."""
        return True

    @property
    def max_output_tokens(self) -> int:
        """Nothing is written."""
        return 0

    def reads(self) -> Iterable[str]:
        """Every text."""
        return self.texts

    def audited(self) -> dict[str, Any]:
        """The texts."""
        return {"texts": list(self.texts)}


@dataclass(slots=True, kw_only=True)
class Batch:
    """One request on its way; `read` is there once it was answered, by whichever call."""

    request: EmbeddingRequest
    wire: Wire
    client: Callable[[SecretStr | None], NativeClient]
    redactor: Redactor
    read: Read | None = None

    def prepare(self, deployment: Deployment) -> Prepared:
        """Mask what must not leave; see `prepared_chat`."""
        request, found = self.request, 0
        if deployment.masks_keys:
            pairs = [mask_keys(text, self.redactor) for text in request.texts]
            found = sum(count for _, count in pairs)
            request = replace(request, texts=tuple(text for text, _ in pairs))

        async def send(key: SecretStr | None) -> Callable[[Timeouts], Sending]:
            client = self.client(key)
            return lambda timeouts: self._ask(client, deployment, request, timeouts)

        return Prepared(request=request, send=send, notes=masked_note(found), masked_keys=found)

    async def _ask(
        self,
        client: NativeClient,
        deployment: Deployment,
        request: EmbeddingRequest,
        timeouts: Timeouts,
    ) -> Sending:
        url = self.wire.url(deployment.base_url, request.model)
        body = self.wire.body(
            request.model, request.texts, purpose=request.purpose, dimensions=request.dimensions
        )
        answer: Mapping[str, Any] = await client.post(
            url,
            body,
            within=min(timeouts.total, LONGEST),
            longest=LONGEST_VECTOR * len(request.texts),
        )
        try:
            read = self.wire.read(answer)
            for vector in read.vectors:
                _check_numbers(vector)
        except UNREADABLE as error:
            raise MalformedResponse(
                deployment.provider, "the vectors are not as documented"
            ) from error
        self.read = read
        if read.tokens is not None:
            yield Usage(input=read.tokens)
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="")


def _check_numbers(vector: object) -> None:
    """Raise `ValueError` if it is no list of numbers that a database can keep."""
    if not isinstance(vector, list) or not set(map(type, vector)) <= {float, int}:
        raise ValueError("a vector holds something else than numbers")
    if not all(map(math.isfinite, vector)):
        raise ValueError("a vector holds a number that is not finite")
