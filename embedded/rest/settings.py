"""Settings of the Data API that are stored with the role `authenticator`, as PostgREST reads them.

Source: https://docs.postgrest.org/en/stable/references/configuration.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})


@dataclass(frozen=True, slots=True)
class RestSettings:
    """How the Data API behaves; the defaults are those of hosted projects."""

    aggregates_enabled: bool = False
    max_rows: int = 1000
    """Rows in one answer."""
    pre_request: str | None = None
    """Function that runs first in the transaction of each request; a name that is safe in SQL."""


def parse_settings(stored: Mapping[str, str]) -> RestSettings:
    """Read `pgrst.*`; a value that cannot be read counts as not set."""
    rows = stored.get("pgrst.db_max_rows", "")
    return RestSettings(
        aggregates_enabled=stored.get("pgrst.db_aggregates_enabled", "").lower() in _TRUE,
        max_rows=int(rows) if re.fullmatch(r"[0-9]{1,9}", rows) else RestSettings().max_rows,
        pre_request=_quoted(stored.get("pgrst.db_pre_request", "")),
    )


def _quoted(name: str) -> str | None:
    parts = [part.strip().strip('"') for part in name.split(".")]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts) if all(parts) else None
