"""How long an answer may get when nobody said: what adapters send where a vendor wants a number.

Spend caps reserve by the same numbers, so that a cap refuses only what could really be spent.
"""

from collections.abc import Mapping
from typing import Final

from providers.catalogue.schema import AdapterKind

__all__ = ["ANTHROPIC", "FIREWORKS", "SENT"]

ANTHROPIC: Final = 16_384
"""The vendor demands a number."""
FIREWORKS: Final = 8_192
"""The server's own default of 2048 cuts programs in half without a word."""
SENT: Final[Mapping[AdapterKind, int]] = {"anthropic": ANTHROPIC, "fireworks": FIREWORKS}
"""Tokens that are asked for at most, by adapters that always send a limit."""
