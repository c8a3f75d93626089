"""The errors of the vendors' SDKs, which are siblings: one generator made all three."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from providers.adapters.http.error_mapping import (
    TRANSPORT_ERRORS,
    from_payload,
    from_status,
    from_transport,
)
from providers.errors import ConnectionFailed, MalformedResponse, TimedOut, TimeoutPhase

__all__ = ["SdkErrors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkErrors:
    """The classes of one SDK. `status`, `timeout`, `connection` and `shape` are all `api`s."""

    status: type[Exception]
    timeout: type[Exception]
    connection: type[Exception]
    shape: type[Exception]
    api: type[Exception]

    @contextmanager
    def translated(self, vendor: str, *, secret: str, connect: timedelta) -> Iterator[None]:
        """Run calls of the SDK; whatever they raise comes out as a `CallFailed`."""
        try:
            yield
        except self.timeout as error:
            # Ours are the other deadlines: the SDK itself only bounds the connection.
            raise TimedOut(vendor, TimeoutPhase.CONNECT, connect) from error
        except self.connection as error:
            cause = error.__cause__
            if isinstance(cause, TRANSPORT_ERRORS):
                raise from_transport(vendor, cause, connect=connect, secret=secret) from error
            raise ConnectionFailed(vendor, "no connection") from error
        except self.shape as error:
            raise MalformedResponse(vendor, "not the documented format") from error
        except self.status as error:
            known: Any = error  # the three classes agree in fields, not in type
            raise from_status(
                vendor, known.status_code, known.body, known.response.headers, secret=secret
            ) from error
        except self.api as error:
            known = error
            raise from_payload(vendor, known.body, secret=secret) from error
        except TRANSPORT_ERRORS as error:
            raise from_transport(vendor, error, connect=connect, secret=secret) from error
        except (ValueError, RecursionError) as error:  # JSON errors of the SDK's own decoding
            raise MalformedResponse(vendor, "the answer is not valid JSON") from error
