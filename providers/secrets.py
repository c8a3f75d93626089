"""Redaction of secrets in prompts, answers, errors and logs, with the table of key formats.

It finds the key formats that issuers document (entropy scanners would also flag hashes and
identifiers), and the values of loaded keys, also when encoded. One regular expression scans a text
once, with a bounded number of reads per character.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

MASK: Final = "[redacted]"
SHORTEST_SECRET: Final = 8
"""Characters. A shorter value would also match ordinary words."""

SHAPES: Final[Mapping[str, str]] = {
    "COGO's gateway": r"cogo_[0-9a-f]{12}_[\w-]{20,}",
    "Supabase": r"sb_(?:secret|publishable)_[\w-]{16,}|sbp_[\w-]{30,}",
    "JSON web token": r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]{8,}",
    "Anthropic, OpenAI, OpenRouter, DeepSeek, Langfuse": r"(?:sk|pk|rk)-[\w-]{16,}",
    "Fireworks": r"fw_\w{16,}",
    "Groq": r"gsk_\w{16,}",
    "Replicate": r"r8_\w{16,}",
    "Hugging Face": r"hf_\w{16,}",
    "xAI": r"xai-[\w-]{16,}",
    "Cerebras": r"csk-[\w-]{16,}",
    "NVIDIA": r"nvapi-[\w-]{16,}",
    "Together": r"tgp_v1_[\w-]{16,}",
    "LangSmith": r"lsv2_(?:pt|sk)_\w{16,}",
    "Perplexity": r"pplx-\w{16,}",
    "Pinecone": r"pcsk_\w{16,}",
    "Weights & Biases": r"wandb_v1_\w{16,}",
    "Google": r"AIza[\w-]{30,}|AQ\.[\w-]{30,}",
    "ElevenLabs, Stripe": r"(?:sk|rk)_(?:live_|test_)?[A-Za-z0-9]{16,}",
    "Amazon Web Services": r"(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "GitHub": r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}",
    "GitLab": r"glpat-[\w-]{20,}",
    "Slack": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "npm": r"npm_[A-Za-z0-9]{36}",
    "PyPI": r"pypi-[\w-]{50,}",
    "keys that vendors show in part": (
        r"(?:sk|pk|rk|fw|gsk|hf|r8|xai|pplx)[-_][\w.-]{0,64}\*{3,}[\w*.-]*"
    ),
}
"""Patterns of keys by issuer, at the start of a word. Mistral and Cohere have none."""

_PRIVATE_KEY: Final = (
    r"-----BEGIN[ ](?:[A-Z]+[ ]){0,3}PRIVATE[ ]KEY-----"
    r"(?:[^-]++|-(?!----))*+-----END[ ](?:[A-Z]+[ ]){0,3}PRIVATE[ ]KEY-----"
)
_KEYS: Final = rf"\b(?:{'|'.join(SHAPES.values())})|{_PRIVATE_KEY}"
_PLACES: Final = (
    r"(?<=[Bb]earer[ ])[\w.~+/-]{7,}=*"
    # The credentials of a URL, unless it is an example.
    r"|(?<=://)(?![^\s/:@]+:PASSWORD@)[^\s/:@]+:[^\s/@]+(?=@)"
)
"""Places of secrets of any format in logs and errors. In prose they match ordinary words."""
_PLACE_HEADS: Final = ("earer ", "://")
"""One of these is before each of the places."""

_HEADS: Final = (
    *(
        "cogo_",
        "sb_secret_",
        "sb_publishable_",
        "sbp_",
        "eyJ",
        "sk-",
        "pk-",
        "rk-",
        "fw_",
        "gsk_",
        "r8_",
    ),
    *("hf_", "xai-", "csk-", "nvapi-", "tgp_v1_", "lsv2_pt_", "lsv2_sk_", "pplx-", "pcsk_"),
    *("wandb_v1_", "AIza", "AQ.", "sk_", "rk_", "AKIA", "ASIA", "github_pat_", "glpat-", "npm_"),
    *("pypi-", "pk_", "fw-", "gsk-", "hf-", "r8-", "xai_", "pplx_"),
    *(f"gh{letter}_" for letter in "pousr"),
    *(f"xox{letter}-" for letter in "abeoprs"),
)
"""Beginnings of all keys, as tests check.

A stream is only held back after one of these, and a text without any of them is not searched
further: this takes a quarter of the time.
"""
_BEGIN: Final = "-----BEGIN "
_TO_THE_END: Final = re.compile(r"[\w.*-]*\Z")
_OPEN_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN[ ](?:[A-Z ]{0,40}-{0,4}"
    r"|(?:[A-Z]+[ ]){0,3}PRIVATE[ ]KEY-----"
    r"(?:[^-]++|-(?!----))*+(?:-----(?:EN?|END[A-Z ]{0,40}-{0,4})?)?)\Z"
)
_HEAD_OF_KNOWN: Final = 4
_LONGEST_HELD: Final = 16_384
"""Characters. Longer text that is not yet a key cannot become one."""
_DEEPEST: Final = 100
"""Levels of a JSON value. Deeper ones are masked."""
_READ_AT_ONCE: Final = 256
"""Up to this many held characters, each piece is scanned at once; beyond, pieces are collected."""


class Redactor:
    """Replaces known secrets, and everything that looks like a key, with a mask."""

    def __init__(
        self, secrets: Iterable[str] = (), *, shapes: bool = True, places: bool = False
    ) -> None:
        """Create a redactor; `shapes`: see `SHAPES`; `places`: also see `_PLACES`."""
        self.has_shapes = shapes
        self._places = places
        self._secrets: set[str] = set()
        self.known: tuple[str, ...] = ()
        self._pattern: re.Pattern[str] | None = None
        self._heads: _Heads | None = None
        self._compile(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Add secrets; keys can change while a process runs."""
        if not self._secrets.issuperset(secrets := set(secrets)):
            self._compile(secrets)

    def _compile(self, secrets: Iterable[str]) -> None:
        self._secrets.update(secrets)
        known = sorted(
            {
                form
                for secret in self._secrets
                if len(secret) >= SHORTEST_SECRET
                for form in _iter_forms(secret)
            },
            key=lambda form: (-len(form), form),
        )
        parts = [_KEYS] if self.has_shapes else []
        if self._places:
            parts.append(_PLACES)
        if known:
            # Longest first, with the rest of the word: a secret may be the beginning of another.
            parts.insert(0, rf"(?:{'|'.join(map(re.escape, known))})[\w-]*")
        self._pattern = re.compile("|".join(parts)) if parts else None
        self.known = tuple(known)
        self.longest = max(map(len, known), default=0)
        self._heads = None

    @property
    def heads(self) -> "_Heads":
        """The beginnings of what it replaces."""
        if self._heads is None:
            self._heads = _build_heads(
                frozenset(form[:_HEAD_OF_KNOWN] for form in self.known),
                has_shapes=self.has_shapes,
                has_places=self._places,
            )
        return self._heads

    def redact(self, text: str, *, mask: str = MASK) -> str:
        """Return `text` without secrets."""
        return self.count(text, mask=mask)[0]

    def count(self, text: str, *, mask: str = MASK) -> tuple[str, int]:
        """Return `text` without secrets, and how many there were."""
        heads = self.heads.pattern
        if self._pattern is None or heads is None or heads.search(text) is None:  # nearly always
            return text, 0
        return self._pattern.subn(mask, text)

    def find_spans(self, text: str, start: int) -> Iterator[tuple[int, int]]:
        """Yield the spans of secrets from `start` on; earlier text is only context."""
        if self._pattern is not None:
            yield from (match.span() for match in self._pattern.finditer(text, start))

    def redact_json(self, value: Any, *, depth: int = 0) -> Any:
        """Return a decoded JSON value without secrets in its keys and texts."""
        if depth > _DEEPEST:
            return MASK
        match value:
            case str():
                return self.redact(value)
            case Mapping():
                return {
                    self.redact(name): self.redact_json(each, depth=depth + 1)
                    for name, each in value.items()
                }
            case list() | tuple():
                return type(value)(self.redact_json(each, depth=depth + 1) for each in value)
        return value


class _Heads:
    """The beginnings of secrets."""

    def __init__(
        self, anywhere: frozenset[str], at_words: frozenset[str], of_places: frozenset[str]
    ) -> None:
        heads = anywhere | at_words | of_places
        self.pattern = re.compile(_build_alternation(heads)) if heads else None
        self.anywhere = _list_prefixes(anywhere)
        """What may become one of them anywhere."""
        self.at_words = _list_prefixes(at_words)
        """What may become one of them at the start of a word."""
        self.longest = max(map(len, heads), default=0)


@lru_cache(maxsize=16)  # errors are redacted by new redactors of the same keys
def _build_heads(anywhere: frozenset[str], *, has_shapes: bool, has_places: bool) -> _Heads:
    return _Heads(
        anywhere,
        frozenset((*_HEADS, _BEGIN) if has_shapes else ()),
        frozenset(_PLACE_HEADS if has_places else ()),
    )


class StreamRedactor:
    """Redacts a text that comes in pieces, even if a secret is split. One per text."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._heads = redactor.heads
        self._held = ""
        """Text that may be the beginning of a secret."""
        self._more: list[str] = []
        self._size = 0
        self._before = ""
        """The last character that was returned, which may continue a word."""
        self.found = 0
        """Number of secrets so far."""

    def feed(self, piece: str) -> str:
        """Return the next text, except what may be the beginning of a secret."""
        self._more.append(piece)
        self._size += len(piece)
        if _READ_AT_ONCE < len(self._held) < _LONGEST_HELD and self._size < len(self._held) // 4:
            return ""  # otherwise each piece would take as long as all before
        return self._release(final=False)

    def close(self) -> str:
        """Return the remaining text."""
        return self._release(final=True) if self._held or self._more else ""

    def _release(self, *, final: bool) -> str:
        start = len(self._before)
        text = "".join((self._before, self._held, *self._more))
        self._more, self._size = [], 0
        pattern = self._heads.pattern
        is_suspect = pattern is not None and pattern.search(text, start) is not None
        end = len(text) if final else self._find_safe_end(text, start, is_suspect=is_suspect)
        if not is_suspect:  # nearly always
            self._held = text[end:]
            self._before = text[end - 1 : end]
            return text[start:end]
        released, at = [], start
        for begin, stop in self._redactor.find_spans(text, start):
            if stop > end:  # the possible beginning is part of another secret
                end = min(begin, end)
                break
            released += [text[at:begin], MASK]
            at = stop
            self.found += 1
        self._held = text[end:]
        self._before = text[end - 1 : end]
        return "".join([*released, text[at:end]])

    def _find_safe_end(self, text: str, start: int, *, is_suspect: bool) -> int:
        """Return the start of the first text that may become a secret."""
        end = len(text)
        heads = self._heads
        if is_suspect and heads.pattern is not None:
            # Text further from the end cannot become a key.
            at = max(start, end - _LONGEST_HELD)
            while found := heads.pattern.search(text, at):
                if self._is_open(text, found.start()):
                    return found.start()
                at = found.start() + 1
        for size in range(min(heads.longest, end - start), 0, -1):
            tail = text[-size:]
            if tail in heads.anywhere or (
                tail in heads.at_words and _begins_a_word(text, end - size)
            ):
                return end - size
        return end

    def _is_open(self, text: str, start: int) -> bool:
        if _begins_a_word(text, start) and (
            _TO_THE_END.match(text, start) or _OPEN_PRIVATE_KEY.match(text, start)
        ):
            return True
        rest = text[start : start + self._redactor.longest]
        return start + len(rest) == len(text) and any(
            form.startswith(rest) or (rest.startswith(form) and _TO_THE_END.match(rest, len(form)))
            for form in self._redactor.known
        )


def _begins_a_word(text: str, at: int) -> bool:
    return at == 0 or text[at] == "-" or not (text[at - 1].isalnum() or text[at - 1] == "_")


def _build_alternation(words: AbstractSet[str]) -> str:
    """Return a regular expression for any of these words that reads each character once."""
    if "" in words:
        return ""
    rest: dict[str, set[str]] = {}
    for word in words:
        rest.setdefault(word[0], set()).add(word[1:])
    branches = [re.escape(first) + _build_alternation(rest[first]) for first in sorted(rest)]
    return f"(?:{'|'.join(branches)})"


def _list_prefixes(heads: frozenset[str]) -> frozenset[str]:
    return frozenset(head[:size] for head in heads for size in range(1, len(head)))


def _iter_forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as encoded in JSON, URLs and base64."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    raw = secret.encode("utf-8", "surrogatepass")  # a variable may not be UTF-8
    for safe in ("", "/"):
        yield (quoted := quote(raw, safe=safe))
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), quoted)
    for offset in range(3):  # within a longer text it may begin at any of three bytes
        coded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        # The first and last characters hold bits of the surrounding text.
        inner = coded[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))
