"""Programming languages that a text names or shows. The names are proper names in all languages."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from agents.selection.kinds.code_signs import score_signs
from agents.selection.kinds.sample import split_code

_NAMES: Final[Mapping[int, Mapping[str, str]]] = {
    16: {
        "python": "python python3 pythonie pythonem pythona pythonu py",
        "javascript": "javascript js javascripcie javascriptu es6 nodejs node.js gas",
        "typescript": "typescript tsx",
        "java": "java javie javy",
        "c++": "c++ cpp с++",
        "c#": "c# csharp с#",
        "f#": "f# fsharp",
        "go": "golang",
        "rust": "rust",
        "php": "php",
        "ruby": "ruby",
        "kotlin": "kotlin kotlinie",
        "vba": "vba",
        "scala": "scala",
        "dart": "dart",
        "lua": "lua luau",
        "haskell": "haskell",
        "perl": "perl",
        "matlab": "matlab",
        "powershell": "powershell",
        "cobol": "cobol",
        "fortran": "fortran fortran90",
        "erlang": "erlang",
        "clojure": "clojure clojurescript",
        "ocaml": "ocaml",
        "groovy": "jenkinsfile",
        "verilog": "verilog systemverilog",
        "vhdl": "vhdl",
        "assembly": "riscv nasm x86 x86_64",
    },
    8: {
        "shell": "bash bashu bashem zsh shell",
        "html": "html html5 css css3 scss flexbox",
        "dockerfile": "dockerfile docker-compose compose.yml",
        "nginx": "nginx",
    },
    5: {"dockerfile": "docker kubernetes k8s kubectl terraform ansible helm"},
    4: {
        "python": (
            "pandas numpy django flask fastapi pytest pytorch jupyter tensorflow sqlalchemy"
            " streamlit pydantic matplotlib sklearn openpyxl"
        ),
        "javascript": (
            "node react react.js reactjs jquery vue vue.js vuejs express.js next.js nextjs npm"
            " svelte webpack lodash"
        ),
        "typescript": "angular nestjs",
        "java": "spring springboot maven gradle junit hibernate",
        "c++": "qt arduino esp32",
        "c#": "linq blazor unity .net asp.net dotnet",
        "rust": "cargo tokio",
        "php": "laravel wordpress symfony eloquent",
        "ruby": "rails activerecord",
        "swift": "swiftui xcode",
        "r": "ggplot ggplot2 dplyr tidyverse",
        "dart": "flutter",
        "solidity": "erc20 erc721",
        "haskell": "ghc",
        "sql": "sql plpgsql t-sql",
    },
    3: {
        "sql": "postgres postgresql mariadb mysql sqlite",
        "yaml": "yaml yml",
        "shell": "awk sed grep crontab systemd",
        "html": "tailwind bootstrap",
        "excel": "excel xlookup vlookup sverweis",
        "kotlin": "android",
    },
}
"""Names by their weight: those of languages, of what may stand in other code, of tools."""
_OF_NAME: Final[Mapping[str, tuple[str, int]]] = {
    name: (language, weight)
    for weight, languages in sorted(_NAMES.items())
    for language, names in languages.items()
    for name in names.split()
}
_PHRASES: Final[Mapping[int, Mapping[str, str]]] = {
    12: {
        "javascript": (
            "джаваскрипт|яваскрипт|جافا سكر|جافاسكر|자바스크립트|ジャバスクリプト|जावास्क्रिप्ट"
            "|小程序|apps script"
        ),
        "python": "питон|пайтон|بايثون|파이썬|パイソン|पाइथन|पायथन",
        "typescript": "тайпскрипт|تايب سكريبت|타입스크립트|タイプスクリプト",
        "java": "джава|جافا|자바|जावा",
        "php": "بي اتش بي|بي إتش بي",
        "c#": "си шарп|сишарп|سي شارب",
        "c++": "на плюсах|си плюс плюс|سي بلس بلس|سي++",
        "c": (
            "c语言|c 语言|c言語|c 언어|на си |язык си|языке си|на с |لغة سي|langage c|lenguaje c"
            "|ansi c"
        ),
        "go": "go语言|go 语言|go言語|голанг|고랭",
        "rust": "на расте|러스트",
        "kotlin": "котлин|كوتلن|코틀린|コトリン",
        "swift": "на свифте|스위프트",
        "solidity": "smart contract|смарт-контракт|智能合约|솔리디티",
        "objective-c": "objective-c|objective c",
        "assembly": (
            "risc-v|assembly language|arm assembly|x86 assembly|ассемблер|汇编|アセンブリ"
        ),
        "yaml": "github action|github workflow|gitlab ci|gitlab-ci",
        "dockerfile": "docker compose",
        "shell": "シェルスクリプト|쉘 스크립트|셸 스크립트|баш-скрипт",
        "powershell": "パワーシェル|파워셸",
    },
    4: {
        "python": "джанго|جانغو|جانجو|장고|판다스|ジャンゴ",
        "javascript": "リアクト|리액트",
        "java": "스프링부트|스프링 부트",
        "php": "ларавел|вордпресс|لارافيل|ووردبريس|라라벨|워드프레스|ララベル",
        "c#": "유니티|ユニティ|entity framework",
        "kotlin": "jetpack compose|안드로이드|安卓",
        "ruby": "レイルズ|레일즈",
        "dart": "флаттер|فلاتر|플러터",
        "elixir": "phoenix liveview",
        "dockerfile": "докер|도커",
    },
    3: {
        "excel": (
            "エクセル|엑셀|эксел|اكسل|إكسل|एक्सेल|power query|google sheet|spreadsheet"
            "|スプレッドシート|스프레드시트|гугл-таблиц|гугл таблиц"
        ),
    },
}
"""Names of several words, and as other scripts write them; longer ones first."""
_OF_PHRASE: Final = {
    name: (language, weight)
    for weight, languages in _PHRASES.items()
    for language, names in languages.items()
    for name in names.split("|")
}
_WORD: Final = re.compile(
    r"(?:C|R|Go|Swift|Julia|Elixir|Zig|Solidity|Groovy|go|swift|julia|elixir|zig)(?![a-z_+#'’&]|-[a-z])"
)
_BEFORE: Final = re.compile(
    r"(?<![\w-])(?:in|en|mit|con|avec|using|with|to|from|into|of|my|this|на|в|из|w|em|till|naar|script"
    r"|code|كود|سكربت|سكريبت|بلغة|скрипт) \Z",
    re.IGNORECASE,
)
_IN: Final = re.compile(r"(?<![\w-])(?:in|en|em|w|на|using) \Z", re.IGNORECASE)
_AFTER: Final = re.compile(
    r"[ -](?:code|program|script|function|module|service|routine|struct|macro|compiler|library"
    r"|package|project|server|backend|app|api|test|worker|handler|channel|interface|contract"
    r"|solution|snippet|class|closure|enum|extension|implementation|developer|код|программ|代码|程序)"
    r"|(?:99|11|17|23|/C\+\+)\b|: ",
    re.IGNORECASE,
)
_DENSE: Final = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")
_DENSE_BEFORE: Final = frozenset("用以改成为をはがのに、。")
"""Names that are words or letters as well: they count beside certain words."""
_LETTERS: Final = frozenset({"C", "R", "Go", "Swift"})
_GLUE: Final = frozenset(".:+#-&_'/")
_CELLS: Final = frozenset({"c", "r"})
"""Languages whose names are columns or cells in requests about spreadsheets."""
_TOKEN: Final = re.compile(r"(?<![a-z0-9_$<@.])\.?[a-zс][a-z0-9_.+#с-]*+(?![*(]|->)")
_NOT_NAMED: Final = re.compile(
    r"`[^`\n]*[^\w`\n.#+][^`\n]*`|sql[ -]?(?:injection|инъекц|注入|インジェクション)"
    r"|(?:injection|inyección|injeção)s? (?:de )?sql",
    re.IGNORECASE,
)
"""Code within a sentence, and a fault of other code."""
_QUERY: Final = re.compile(
    r"\bquer(?:y|ies)\b|\babfrage|\brequête|\bconsulta|\bзапрос|\bsorgu|\bzapytani|クエリ|查询|쿼리"
    r"|استعلام"
)
_TABLE: Final = re.compile(
    r"\btab(?:le|ell|la|ela|lo|ul)|таблиц|表|テーブル|테이블|جدول|\bcolumn|\bspalte|\bindex"
)
"""A query and what it reads, where nothing else shows a language."""
_ENDINGS: Final[Mapping[str, str]] = {
    "py": "python", "ipynb": "python", "js": "javascript", "mjs": "javascript",
    "vue": "javascript", "jsx": "javascript", "ts": "typescript", "tsx": "typescript",
    "java": "java", "cpp": "c++", "cc": "c++", "hpp": "c++",
    "c": "c", "h": "c", "cs": "c#", "fs": "f#", "go": "go",
    "rs": "rust", "php": "php", "rb": "ruby", "kt": "kotlin", "swift": "swift", "sql": "sql",
    "sh": "shell", "bash": "shell", "html": "html", "css": "html", "scss": "html",
    "scala": "scala", "dart": "dart", "lua": "lua", "pl": "perl", "vba": "vba", "r": "r",
    "m": "matlab", "ps": "powershell", "sol": "solidity", "ex": "elixir", "exs": "elixir",
    "zig": "zig", "jl": "julia", "asm": "assembly", "yml": "yaml", "yaml": "yaml",
    "clj": "clojure", "ml": "ocaml", "erl": "erlang", "hs": "haskell", "cob": "cobol",
    "sv": "verilog", "groovy": "groovy", "tf": "dockerfile",
}  # fmt: skip
_FENCES: Final = {
    **{name: language for name, (language, weight) in _OF_NAME.items() if weight > 4},
    **_ENDINGS,
    **{
        name: name
        for name in ("c", "r", "go", "swift", "solidity", "elixir", "zig", "julia", "groovy")
    },
    "docker": "dockerfile",
}
_FENCE: Final = re.compile(r"```([A-Za-z+#]{1,12})")
_FILE: Final = re.compile(r"\b[\w-]{1,60}\.([a-z]{1,6})\b")
_REMEMBERED: Final = 256
_FENCE_WEIGHT: Final = 6
_FILE_WEIGHT: Final = 3


def list_named(sample: str) -> list[str]:
    """Return the programming languages, and what belongs to one, that a sample names, in order."""
    return list(_score_names(sample))


@lru_cache(maxsize=_REMEMBERED)
def list_languages(sample: str) -> tuple[str, ...]:
    """Return the programming languages of a request for code, the likeliest first.

    Names count in its prose and signs in its code: `Node*` names nothing.
    """
    scores = _score_names(_NOT_NAMED.sub(" ", split_code(sample)[0]))
    fences = (_FENCES.get(each.lower()) for each in _FENCE.findall(sample))
    for language in filter(None, dict.fromkeys(fences)):
        scores[language] = scores.get(language, 0) + _FENCE_WEIGHT
    files = (_ENDINGS.get(each) for each in _FILE.findall(sample))
    for language in filter(None, dict.fromkeys(files)):
        scores[language] = scores.get(language, 0) + _FILE_WEIGHT
    for language, score in score_signs(sample).items():
        scores[language] = scores.get(language, 0) + score
    if not scores:
        lower = sample.lower()
        if _QUERY.search(lower) and _TABLE.search(lower):
            return ("sql",)
        scores = _score_names(sample)
    return tuple(sorted(scores, key=lambda language: -scores[language]))


def _score_names(text: str) -> dict[str, int]:
    """Return the weight of each language that a text names, in the order of the text."""
    found: dict[str, tuple[int, int]] = {}  # position, weight
    for language, position, weight in _find_names(text):
        first, most = found.get(language, (position, 0))
        found[language] = (min(first, position), max(most, weight))
    if "excel" in found:
        for cell in _CELLS & found.keys():
            del found[cell]
    if "typescript" in found:
        found.pop("javascript", None)
    return {name: found[name][1] for name in sorted(found, key=lambda name: found[name][0])}


def _find_names(text: str) -> Iterator[tuple[str, int, int]]:
    lower = text.lower()
    for name, (language, weight) in _OF_PHRASE.items():
        if name in lower:
            yield language, lower.index(name), weight
            lower = lower.replace(name, " " * len(name))
    for token in _TOKEN.finditer(lower):
        name = token[0]
        named = _OF_NAME.get(name)
        if named is None and not name.isalpha():
            name = name.rstrip(".-")
            named = (
                _OF_NAME.get(name)
                or _OF_NAME.get(name.rstrip("0123456789."))
                or _OF_NAME.get(name.partition("-")[0])
            )
        if named is not None:
            yield named[0], token.start(), named[1]
    for word in _WORD.finditer(text):
        if _is_language(text, word):
            yield word[0].lower(), word.start(), 16


def _is_language(text: str, word: re.Match[str]) -> bool:
    """Return whether a name that is a word or a letter as well means the language."""
    start, end = word.span()
    before, after = text[max(start - 8, 0) : start], text[end : end + 16]
    if before[-1:].isalnum() or before[-1:] in _GLUE:
        return before[-1:] in _DENSE_BEFORE and _DENSE.match(after) is not None
    if _AFTER.match(after) and (word[0][0].isupper() or word[0] == "swift"):
        return True
    if word[0].islower() or word[0] == "Julia":
        return not after[:1].isalnum() and _IN.search(before) is not None
    if word[0] in _LETTERS and _DENSE.match(after):
        return True
    return not after[:1].isalnum() and _BEFORE.search(before) is not None
