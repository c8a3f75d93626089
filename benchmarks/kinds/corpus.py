"""Requests to train on: written ones, and ones made of the sentences and slots in `texts/`.

A file is a language. `[section]` begins the templates of a kind or the entries of a slot; an
entry is a line or stands between `|`. In a template `(a|b|)` is one of the alternatives, and
`{slot}` an entry. Nothing of the requests that the tests judge with is in it.

`requests/` has requests as users write them, a file a language: JSON lines with
`text`, `kind`, and for some code whether it must be `fast`, is `hard` or `easy`.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

KINDS: Final = {
    "chat": "chat",
    "general": "general",
    "writing": "writing",
    "summary": "summary",
    "extraction": "extraction",
    "translation": "translation",
    "maths": "maths",
    "vision": "vision",
    "web": "web",
    "tools": "tools",
    "generate": "code-generation",
    "analyze": "code-analysis",
    "optimize": "code-optimization",
}
"""The kind of each section of templates."""
_FOLDER: Final = Path(__file__).parent / "texts"
_WRITTEN: Final = Path(__file__).parent / "requests"
_CHOICE: Final = re.compile(r"\(([^()]*\|[^()]*)\)")
_SLOT: Final = re.compile(r"\{(\w+)\}")
_PER_TEMPLATE: Final = 16
"""Requests made of one template at most."""
_SHARES: Final = {"general": 2.0, "generate": 1.6, "writing": 1.3, "tools": 0.6}
"""How many requests of a section are made for one of most others."""
_PHRASES: Final = ("fast", "fastend")
"""Slots whose entries have alternatives."""
_MAX_LONG: Final = 40
_QUOTES: Final = ('"{}"', "'{}'", "“{}”", "«{}»", "「{}」", "{}", "{}", "{}", "\n\n{}", "\n{}\n")
_CONTEXTS: Final = ("", "", " ", "\n", "\n\n")

Slots = Mapping[str, list[str]]


class Request(NamedTuple):
    """A request and what is right for it.

    The last three say something of code only, and only if `is_rated`.
    """

    language: str
    text: str
    kind: str
    length: int
    is_written: bool = False
    is_rated: bool = True
    fast: bool = False
    hard: bool = False
    easy: bool = False


def load_written() -> Iterator[Request]:
    """Return the requests that somebody wrote."""
    for path in sorted(_WRITTEN.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            text = found["text"]
            rated = {name: found[name] for name in ("fast", "hard", "easy") if name in found}
            yield Request(
                path.stem,
                text,
                found["kind"],
                len(text),
                is_written=True,
                is_rated=bool(rated),
                **rated,
            )


def load_corpus() -> dict[str, Slots]:
    """Return the slots of each language, with those that all share."""
    shared = _read("all")
    shared["snippet"] = _read_blocks("code")
    shared["trace"] = _read_blocks("errors")
    noise = _read("noise")
    names = sorted(path.stem for path in _FOLDER.glob("*.txt"))
    corpus: dict[str, Slots] = {}
    for name in names:
        if len(name) == len("en"):
            own = _read(name)
            own["asset"] = shared["asset"] + 2 * own.get("asset", [])
            corpus[name] = shared | {"noise": noise.get(name, [])} | own
    return corpus


def _read(name: str) -> dict[str, list[str]]:
    slots: dict[str, list[str]] = {}
    section = ""
    for line in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n"):
        if re.fullmatch(r"\[\w+\]", line):
            section = line[1:-1]
            slots.setdefault(section, [])
        elif line and section and not line.startswith("#"):
            is_template = section in KINDS or section in _PHRASES
            slots[section] += [line] if is_template else line.replace("\\n", "\n").split("|")
            slots[section] = [each for each in slots[section] if each]
    return slots


def _read_blocks(name: str) -> list[str]:
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return [block.strip("\n") for block in text.split("\n===\n")]


def _qualify(thing: str, word: str) -> str:
    """Return a thing with a word that stands before it, or after it if it begins with a space."""
    return thing + word if word.startswith(" ") else word + thing


class Generator:
    """Makes requests; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  not used for security
        self._corpus = load_corpus()

    def make(self, per_section: int) -> Iterator[Request]:
        """Make so many requests of each kind in each language."""
        for language, slots in self._corpus.items():
            for section in KINDS:
                templates = slots.get(section, [])
                count = int(per_section * _SHARES.get(section, 1.0))
                count = min(count, len(templates) * _PER_TEMPLATE)
                for number in range(count):
                    yield self._make_one(language, section, templates[number % len(templates)])

    def _make_one(self, language: str, section: str, template: str) -> Request:
        slots = self._corpus[language]
        random_ = self._random
        self._section = section
        fast = section == "optimize"
        hard = easy = False
        if section == "generate":
            size = random_.random()
            hard, easy = size < 0.3, 0.3 <= size < 0.6
            fast = random_.random() < 0.25 and "performance" not in template
        self._thing = "hardthing" if hard else "easything" if easy else "thing"
        self._shows_thing = self._has_hard_word = self._shows_fast = False
        self._is_fast = fast and section == "generate" and random_.random() < 0.6
        text = self._fill(template, slots)
        if not self._shows_thing:
            hard = easy = False
        hard, easy = hard or self._has_hard_word, easy and not self._has_hard_word
        if section == "generate" and fast and not self._shows_fast:
            text = self._hurry(text, slots)
        if "performance|speed" in template or "high performance" in template:
            fast = True
        if section == "chat" and random_.random() < 0.3:
            text += self._pick([" ", ", ", "! ", ". "]) + self._fill(
                self._pick(slots["chat"]), slots
            )
        elif "n" in slots and random_.random() < (0.05 if section == "chat" else 0.2):
            text = self._join(text, self._pick(slots["n"]))
        if random_.random() < (0.15 if section == "vision" else 0.02):
            text += " " + self._pick(slots["imageurl" if section == "vision" else "url"])
        if section != "summary" and random_.random() < 0.03:
            told = self._write(slots, 1, 2)  # what has led to the request
            text = self._pick([f"{told} {text}", f"{text}\n{told}", f"{told}\n\n{text}"])
        text = self._disturb(text, slots, section)
        return Request(language, text, KINDS[section], len(text), fast=fast, hard=hard, easy=easy)

    def _join(self, text: str, more: str) -> str:
        end = text.rstrip("?.!？。؟ \n")
        return f"{end}{self._pick([' ', ', '])}{more}{text[len(end) :]}"

    def _hurry(self, text: str, slots: Slots) -> str:
        """Add words to a request for code by which it must be fast."""
        random_ = self._random
        if "fast" in slots and random_.random() < 0.5:
            verb = "(write|make|generate|create|implement|build|)( a| an|) "
            return self._fill(verb + self._pick(slots["fast"]) + "{thing}( in {pl}|)", slots)
        words = self._fill(self._pick(slots["fastend"]), slots)
        if random_.random() < 0.3:
            return f"{words.lstrip(' ,،、，')} {text}"
        return text.rstrip("?.!？ \n") + words

    def _pick(self, entries: list[str]) -> str:
        return self._random.choice(entries)

    def _fill(self, template: str, slots: Slots) -> str:
        text = template
        while True:
            new = _CHOICE.sub(lambda found: self._random.choice(found[1].split("|")), text)
            if new == text:
                break
            text = new
        text = _SLOT.sub(lambda found: self._fill_slot(found[1], slots), text)
        return re.sub(r"  +", " ", text) if "\n" not in text else text

    def _fill_slot(self, name: str, slots: Slots) -> str:
        random_ = self._random
        if name == "thing":
            return self._name_thing(slots)
        if name == "noise" or (name == "topic" and slots["noise"] and random_.random() < 0.25):
            return self._add_noise(slots, random_.randint(1, 3))
        gap = self._pick([" ", "\n", "\n\n"])
        if name == "code":
            return gap + self._show_code(self._pick(slots["snippet"]))
        if name == "err":
            return gap + self._pick(slots["trace"]) + "\n"
        if name == "q" and self._section == "extraction" and random_.random() < 0.5:
            return "\n\n" + self._write(slots, 1, 8)
        if name == "q":
            return " " + self._pick(list(_QUOTES)).format(self._write(slots, 1, 4))
        if name == "long":
            is_missing = random_.random() < 0.1
            return "" if is_missing else gap + self._write(slots, 4, _MAX_LONG) + "\n\n"
        if name == "hard":
            self._has_hard_word = True
        return self._pick(["\n", "\n\n", " "]) if name == "nl" else self._name(name, slots)

    def _name(self, slot: str, slots: Slots) -> str:
        return self._fill(self._pick(slots[slot]), slots)

    def _name_thing(self, slots: Slots) -> str:
        """Return something to program; it is as difficult as `_thing` says."""
        random_ = self._random
        self._shows_thing = True
        thing = self._pick(slots.get(self._thing) or slots["thing"])
        if self._thing == "hardthing" and "hard" in slots and random_.random() < 0.5:
            thing = _qualify(self._pick(slots["thing"]), self._pick(slots["hard"]))
        if self._is_fast and "fastword" in slots:
            thing = _qualify(thing, self._pick(slots["fastword"]))
            self._shows_fast = True
        if self._thing == "thing" and random_.random() < 0.1:
            thing += f" ({self._pick(slots['topic'])})"
        return thing

    def _add_noise(self, slots: Slots, count: int) -> str:
        """Return words that say nothing of a kind."""
        words = [self._pick(slots["noise"] or slots["topic"]) for _ in range(count)]
        return ("" if words[0][0] > "\u3000" else " ").join(words)

    def _show_code(self, code: str) -> str:
        if self._random.random() < 0.3:
            return f"```{self._pick(['', 'python', 'js', 'java'])}\n{code}\n```\n"
        return code + "\n"

    def _write(self, slots: Slots, least: int, most: int) -> str:
        """Write sentences, sometimes in another language."""
        random_ = self._random
        source = slots
        if random_.random() < 0.25:
            source = self._corpus[self._pick(list(self._corpus))]
        count = min(self._random.randint(least, most), self._random.randint(least, most))
        sentences = [
            self._add_noise(source, random_.randint(4, 12))
            if random_.random() < 0.35
            else self._pick(source["s"])
            for _ in range(count)
        ]
        joined = self._pick([". ", ". ", ".\n", ", ", "。" if "。" in str(source["s"]) else ". "])
        text = joined.join(each[0].upper() + each[1:] for each in sentences)
        return text + self._pick(
            [".", "", "。" if not text.isascii() and text[0] > "\u3000" else "."]
        )

    def _disturb(self, text: str, slots: Slots, section: str) -> str:
        random_ = self._random
        is_short = section == "chat"
        if random_.random() < (0.04 if is_short else 0.15) and "lead" in slots:
            text = f"{self._pick(slots['lead'])} {text}"
        if random_.random() < (0.03 if is_short else 0.15) and "trail" in slots:
            text = text.rstrip() + self._pick([" ", ", ", ". ", "\n"]) + self._pick(slots["trail"])
        if random_.random() < 0.04 and "system" in slots:
            text = f"{self._pick(slots['system'])}\n\n{text}"
        style = random_.random()
        if style < 0.25:
            text = text[:1].upper() + text[1:]
        elif style < 0.27:
            text = text.upper()
        if random_.random() < 0.15:
            text = text.replace("?", "").replace("¿", "").replace("？", "").replace("؟", "")
        if random_.random() < 0.10 and len(text) > 6:
            text = self._mistype(text)
        return text

    def _mistype(self, text: str) -> str:
        at = self._random.randrange(min(len(text), 80) - 1)
        change = self._random.randrange(3)
        if change == 0:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return text[:at] + (text[at] * 2 if change == 1 else "") + text[at + 1 :]
