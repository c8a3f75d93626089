"""Programs that answer coding prompts: real modules, linted and tested."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

NAMES: Final = (
    "binary_search",
    "csv_rows",
    "debounce",
    "fibonacci",
    "lru_cache",
    "merge_sort",
    "palindrome",
    "retry",
    "unique",
)

PROGRAMS: Final[Mapping[str, str]] = {
    name: files(__name__).joinpath(f"{name}.py").read_text(encoding="utf-8") for name in NAMES
}
"""The source text by name. Read at import, so that no request reads files."""
