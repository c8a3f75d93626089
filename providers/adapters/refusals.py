"""What errors of vendors say about parts of a request."""

import re
from typing import Final

from providers.errors import CallFailed, InvalidRequest, NotSupported

_ABOUT_SCHEMA: Final = re.compile(
    r"schema|grammar|response_?format|output_config|text\.format|structured output", re.IGNORECASE
)


def refuses_schema(error: CallFailed) -> bool:
    """Return whether the vendor itself says that it does not take the schema."""
    return (
        type(error) in {InvalidRequest, NotSupported}
        and error.status is not None
        and _ABOUT_SCHEMA.search(error.vendor_message or "") is not None
    )
