"""Programming languages that a text names or shows. The names are proper names in all languages."""

import re
from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
    "python": (
        "python python3 pythonie pythonem pythona py pandas numpy django flask fastapi pytest"
        " pytorch jupyter"
    ),
    "javascript": (
        "javascript js javascripcie node nodejs node.js react react.js reactjs jquery vue vue.js"
        " express.js next.js nextjs npm svelte gas"
    ),
    "typescript": "typescript tsx angular nestjs",
    "java": "java javie spring springboot maven gradle junit hibernate",
    "c++": "c++ cpp qt",
    "c#": "c# csharp .net asp.net unity",
    "go": "golang",
    "rust": "rust cargo",
    "php": "php laravel wordpress symfony",
    "ruby": "ruby rails",
    "kotlin": "kotlin",
    "swift": "swift swiftui xcode",
    "sql": "sql mysql postgres postgresql sqlite plpgsql mariadb",
    "shell": "bash bashu bashem zsh shell powershell awk sed",
    "vba": "vba",
    "r": "ggplot ggplot2 dplyr tidyverse",
    "scala": "scala",
    "dart": "dart flutter",
    "lua": "lua",
    "haskell": "haskell",
    "perl": "perl",
    "matlab": "matlab",
    "html": "html html5 css css3 tailwind bootstrap",
    "dockerfile": "docker dockerfile kubernetes k8s terraform ansible helm",
    "excel": "excel xlookup vlookup",
}
_OF_NAME: Final = {name: language for language, names in _NAMES.items() for name in names.split()}
_ELSEWHERE: Final[Mapping[str, str]] = {
    "питон": "python", "пайтон": "python", "بايثون": "python", "파이썬": "python",
    "パイソン": "python", "джаваскрипт": "javascript", "جافاسكر": "javascript",
    "جافا سكر": "javascript", "자바스크립트": "javascript", "リアクト": "javascript",
    "리액트": "javascript", "джава": "java", "جافا": "java", "자바": "java",
    "타입스크립트": "typescript", "스프링부트": "java", "小程序": "javascript",
    "c语言": "c", "c言語": "c", "エクセル": "excel", "엑셀": "excel",
    "эксел": "excel", "اكسل": "excel", "إكسل": "excel",
}  # fmt: skip
"""Names as other scripts write them."""
_LETTER: Final = re.compile(r"(?:^|[\s\"'(])(?:(C)|(R)|(?:in|en|mit|con) (Go|go))(?=[\s,.?!)]|$)")
_LETTERS: Final = ("c", "r", "go")
_TOKEN: Final = re.compile(r"[a-z0-9_.+#]+")
_SHOWN: Final[Mapping[str, str]] = {
    "python": (
        r"^\s*(?:def|class)\s+\w+.*:\s*$|^\s*(?:from\s+\w[\w.]*\s+)?import\s+\w+\s*$"
        r"|^\s*(?:for|while|if|elif)\s.+:\s*$|\bprint\s*\(|Traceback\ \(most"
        r"|ModuleNotFoundError|\bself\.\w+|\bdf[.\[]|^\s*print\ \""
    ),
    "rust": (
        r"\bfn\s+\w+\s*[<(]|\blet\s+mut\b|println!|\bimpl\s+\w+|error\[E\d+\]"
        r"|\bcannot\ borrow\b|\.unwrap\(\)|::<\w+>|\w+\?;"
    ),
    "go": (
        r"^\s*func\s+(?:\(\w+\s+\*?\w+\)\s*)?\w+\(|^\s*package\s+\w+\s*$|\w+\s*:=\s*\w"
        r"|\bgoroutine\b|\bfmt\.\w+"
    ),
    "c++": (
        r"\#include\s*<(?:iostream|vector|string|map|algorithm)>|\bstd::\w+|\bcout\s*<<"
        r"|template\s*<"
    ),
    "c": (
        r"\#include\s*<(?:stdio|stdlib|string)\.h>|^\s*int\s+\w+\s*=\s*\w"
        r"|\bprintf\s*\(|\bmalloc\s*\("
    ),
    "c#": (
        r"\busing\s+System\b|Console\.Write|System\.\w+Exception|\bnamespace\s+\w+\s*;?\s*$"
        r"|\basync\s+Task\b"
    ),
    "java": (
        r"\bpublic\s+(?:static\s+)?(?:class|void|int|String|boolean|double)\b|System\.out\."
        r"|java\.\w+\.\w+|\bat\s+[\w.]+\(\w+\.java:\d+\)|\bprivate\s+(?:final\s+)?\w+\s+\w+;"
    ),
    "kotlin": r"\bfun\s+\w+\s*\(|\bval\s+\w+\s*(?::\s*\w+\s*)?=|\.kt:\d+",
    "typescript": (
        r"\b(?:let|const)\s+\w+\s*:\s*\w+|\binterface\s+\w+\s*\{"
        r"|:\s*(?:string|number|boolean)\b|\bTS\d{4}\b|\.tsx?:\d+"
    ),
    "javascript": (
        r"\b(?:const|let|var)\s+\w+\s*=|=>\s*[{(\w]|\bfunction\s+\w*\s*\(|console\.log"
        r"|\bdocument\.\w+|undefined\ \(reading|\.jsx?:\d+|npm\ ERR!|is\ not\ defined|==="
    ),
    "php": r"<\?php|\$\w+\s*=|\bmysqli?_\w+|\$_(?:GET|POST)\b|->\w+\(",
    "ruby": r"^\s*def\s+\w+[^:]*$|\bputs\s|\.each\s+do\b|^\s*end\s*$",
    "swift": r"\bfunc\s+\w+\(.*\)\s*->\s*\w+\s*\{|\bguard\s+let\b|\bif\s+let\b",
    "sql": (
        r"(?i)\bselect\b[^;]{1,300}?\bfrom\b|\binsert\s+into\b|\bcreate\s+table\b"
        r"|\bupdate\s+\w+\s+set\b"
    ),
    "shell": (
        r"^\s*\#!/bin/(?:ba)?sh"
        r"|(?:^|\s)(?:sudo|apt|chmod|grep|awk|sed|xargs|curl|find\ [./])\s"
        r"|\|\s*(?:grep|xargs|awk|sort)\b|\bcommand\ not\ found\b"
    ),
    "html": r"</?(?:div|html|body|span|table|head)\b",
    "dockerfile": r"^\s*FROM\s+\w[\w./:-]*\s*$|^\s*ENTRYPOINT\b|\bkubectl\b",
}
_ENDINGS: Final[Mapping[str, str]] = {
    "py": "python", "js": "javascript",
    "jsx": "javascript", "ts": "typescript", "tsx": "typescript",
    "java": "java", "cpp": "c++", "cc": "c++", "hpp": "c++",
    "c": "c", "h": "c", "cs": "c#", "go": "go",
    "rs": "rust", "php": "php", "rb": "ruby", "kt": "kotlin", "swift": "swift", "sql": "sql",
    "sh": "shell", "bash": "shell", "html": "html", "css": "html", "scala": "scala", "dart": "dart",
    "lua": "lua", "pl": "perl", "vba": "vba", "r": "r", "m": "matlab",
}  # fmt: skip
_SHOWING: Final = 1_000
"""Characters in which code shows its language."""
_FENCES: Final = {
    **{name: name for name in _NAMES},
    **_ENDINGS,
    "cpp": "c++",
    "csharp": "c#",
    "golang": "go",
}
_FENCE: Final = re.compile(r"```([A-Za-z+#]{1,12})")
_FILE: Final = re.compile(r"\b[\w-]{1,60}\.([a-z]{1,5})\b")
_CODE: Final = tuple(
    (name, re.compile(each, re.MULTILINE | re.VERBOSE)) for name, each in _SHOWN.items()
)


def list_named(sample: str) -> list[str]:
    """Return the programming languages, and what belongs to one, that a sample names, in order."""
    lower = sample.lower()
    found: dict[str, None] = {}
    for token in _TOKEN.findall(lower):
        language = _OF_NAME.get(token) or _OF_NAME.get(token.strip("."))
        if language is not None:
            found.setdefault(language)
    if not lower.isascii():
        for name, language in _ELSEWHERE.items():
            if name in lower and not (language == "java" and "javascript" in found):
                found.setdefault(language)
    for letter in _LETTER.finditer(sample):
        found.setdefault(_LETTERS[(letter.lastindex or 1) - 1])
    if "typescript" in found and "javascript" in found:
        del found["javascript"]
    return list(found)


def list_languages(sample: str) -> tuple[str, ...]:
    """Return the programming languages of a request for code, the likeliest first."""
    fences = (_FENCES.get(each.lower()) for each in _FENCE.findall(sample))
    files = (_ENDINGS.get(each) for each in _FILE.findall(sample))
    found = [each for each in (*fences, *list_named(sample), *files) if each]
    if not found:
        found = [name for name, pattern in _CODE if pattern.search(sample[:_SHOWING])]
    return tuple(dict.fromkeys(found))
