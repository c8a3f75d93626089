"""Names of models that servers name by files, publishers, tags and quantizations."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

_MAX_ID: Final = 4_096
_MAX_NAME: Final = 200
_FILE: Final = re.compile(r"\.gguf$", re.IGNORECASE)
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_SEPARATORS: Final = re.compile(r"[\\/]+")
_NOT_IN_NAMES: Final = ("", ".", "..")
_MARK: Final = re.compile(
    r"[-_.:@]"
    r"(?:gguf|mlx|awq|gptq|exl[23]|bnb|i1|ud|qat|dwq|imatrix"
    r"|i?q\d(?:[-_](?:\d|k|nl|xxs|xs|s|m|l|xl))*|b?f16|fp16|f32|fp8|fp4|mxfp4|int[48]|w\d+a\d+"
    r"|\d-?bit|\d{5}-of-\d{5})"
    r"(?=$|[-_.:@])"
)
"""A mark of how weights are stored, in a name in small letters."""

_FAMILIES_BY_NAME: Final = (
    ("deepseek-?coder", "deepseek-coder"),
    ("deepseek", "deepseek"),
    ("hermes", "hermes"),
    ("qwen|qwq", "qwen"),
    ("toolace", "toolace"),
    ("(?:code|tiny)?llama", "llama"),
    ("mi[sx]tral|ministral|devstral|magistral|codestral", "mistral"),
    ("gpt-?oss", "gpt-oss"),
    ("gemma", "gemma"),
    ("granite", "granite"),
    ("nemotron", "nemotron"),
    ("minimax", "minimax"),
    ("kimi", "kimi"),
    ("smollm", "smollm"),
    ("olmo", "olmo"),
    ("lfm", "lfm2"),
    ("glm", "glm"),
    ("phi", "phi"),
    ("seed-?oss", "seed"),
    ("command-?r|aya|cohere", "cohere"),
)
_NAMES: Final = tuple(
    (re.compile(rf"(?<![a-z])(?:{pattern})(?![a-z])", re.IGNORECASE), family)
    for pattern, family in _FAMILIES_BY_NAME
)


def name_model(own_id: str) -> str | None:
    """Return the name of a model in lanes: a file's without folder and `.gguf`, else the id.

    Return None if an id has characters that cannot be printed, is too long, or names nothing.
    """
    if len(own_id) > _MAX_ID or not own_id.isprintable():
        return None
    name = own_id.strip()
    if _is_path(name):
        parts = [each for each in _SEPARATORS.split(name) if each not in _NOT_IN_NAMES]
        name = _FILE.sub("", parts[-1]).strip() if parts else ""
    return name if name not in _NOT_IN_NAMES and len(name) <= _MAX_NAME else None


def name_lane(lane: str) -> str:
    """Return a lane, or a model's id in a row, as it is named now if it has a path."""
    provider, _, own = lane.partition("/")
    name = name_model(own)
    return lane if name is None else f"{provider}/{name}"


def name_models(own_ids: Iterable[str]) -> dict[str, str]:
    """Return the own id of each model by its name; ids that cannot be named are left out.

    Files of the same name in several folders are distinguished by their folder, or by a hash.
    """
    ids = list(dict.fromkeys(own_ids))
    plain = {each: name for each in ids if (name := name_model(each)) is not None}
    taken = Counter(plain.values())
    longer = {
        each: f"{name}@{_find_folder(each)}"
        for each, name in plain.items()
        if taken[name] > 1 and each != name
    }
    taken.update(longer.values())
    named: dict[str, str] = {}
    for each, name in plain.items():
        distinct = longer.get(each, name)
        if each in longer and (taken[distinct] > 1 or distinct.endswith("@")):
            distinct = f"{name}@{hashlib.sha256(each.encode()).hexdigest()[:8]}"
        named.setdefault(distinct, each)
    return named


def normalize_weights(own_id: str) -> str:
    """Return the name of the weights in small letters, without publisher and quantization."""
    name = (name_model(own_id) or "").casefold().rpartition("/")[2]
    while (shorter := _MARK.sub("", name)) != name:
        name = shorter
    return name.replace("_", "-").replace(" ", "-")


def find_family_of_name(name: str) -> str | None:
    """Return the family that a name states, as `providers.tool_calls` takes it."""
    found = (family for pattern, family in _NAMES if pattern.search(name))
    return next(found, None)


def _is_path(name: str) -> bool:
    if name.startswith(("/", "\\", "~", ".")) or _DRIVE.match(name) or _FILE.search(name):
        return True
    return "\\" in name or any(each in _NOT_IN_NAMES for each in name.split("/"))


def _find_folder(own_id: str) -> str:
    """Return the name of the folder that a file is in; "" if it is in none."""
    parts = [each for each in _SEPARATORS.split(own_id) if each not in _NOT_IN_NAMES]
    return parts[-2] if len(parts) > 1 else ""
