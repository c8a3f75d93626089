"""Languages: their names on fences, and the ends of their files' names."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "python": (".py", ".pyi"),
    "typescript": (".ts", ".mts", ".cts"),
    "tsx": (".tsx",),
    "javascript": (".js", ".mjs", ".cjs"),
    "jsx": (".jsx",),
    "bash": (".sh", ".bash", ".zsh"),
    "powershell": (".ps1",),
    "go": (".go",),
    "rust": (".rs",),
    "java": (".java",),
    "kotlin": (".kt", ".kts"),
    "swift": (".swift",),
    "scala": (".scala",),
    "c": (".c", ".h"),
    "cpp": (".cpp", ".cc", ".cxx", ".hpp", ".hh"),
    "csharp": (".cs",),
    "ruby": (".rb",),
    "php": (".php",),
    "perl": (".pl", ".pm"),
    "lua": (".lua",),
    "r": (".r", ".R"),
    "dart": (".dart",),
    "elixir": (".ex", ".exs"),
    "haskell": (".hs",),
    "sql": (".sql",),
    "html": (".html", ".htm"),
    "css": (".css",),
    "scss": (".scss",),
    "vue": (".vue",),
    "svelte": (".svelte",),
    "xml": (".xml", ".svg"),
    "json": (".json", ".jsonc"),
    "yaml": (".yaml", ".yml"),
    "toml": (".toml",),
    "ini": (".ini", ".cfg", ".conf"),
    "markdown": (".md", ".mdx"),
    "diff": (".diff", ".patch"),
    "text": (".txt", ".csv", ".log"),
    "dockerfile": (".dockerfile",),
    "makefile": (".mk",),
}
_BY_ENDING: Final = {ending: name for name, endings in _ENDINGS.items() for ending in endings}
_ALIASES: Final[Mapping[str, str]] = {
    "py": "python",
    "python3": "python",
    "py3": "python",
    "ts": "typescript",
    "js": "javascript",
    "node": "javascript",
    "nodejs": "javascript",
    "node.js": "javascript",
    "mjs": "javascript",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "golang": "go",
    "rs": "rust",
    "kt": "kotlin",
    "c++": "cpp",
    "cc": "cpp",
    "c#": "csharp",
    "cs": "csharp",
    "rb": "ruby",
    "pl": "perl",
    "ex": "elixir",
    "hs": "haskell",
    "postgresql": "sql",
    "postgres": "sql",
    "sqlite": "sql",
    "mysql": "sql",
    "yml": "yaml",
    "md": "markdown",
    "patch": "diff",
    "udiff": "diff",
    "txt": "text",
    "plaintext": "text",
    "docker": "dockerfile",
    "make": "makefile",
}
_FAMILIES: Final[Mapping[str, str]] = {
    "typescript": "script",
    "tsx": "script",
    "javascript": "script",
    "jsx": "script",
    "c": "c",
    "cpp": "c",
}
"""Languages that models use for one another on a fence."""
WITHOUT_ENDING: Final[Mapping[str, str]] = {
    "Dockerfile": "dockerfile",
    "Makefile": "makefile",
    "Procfile": "text",
    "Gemfile": "ruby",
    "Rakefile": "ruby",
    "Jenkinsfile": "text",
    "LICENSE": "text",
    ".gitignore": "text",
    ".dockerignore": "text",
    ".env.example": "text",
}
NOT_A_PROGRAM: Final = frozenset({"text", "bash", "console", "output", "log", "diff", "markdown"})
"""Fences of these languages show how to use the code, if others are there."""
MARKUP: Final = frozenset({"html", "xml", "vue", "svelte", "markdown", "jsx", "tsx", "php"})


def normalize_language(name: str | None) -> str | None:
    """Return the usual name of a language in lower case; None if there is no name."""
    lowered = (name or "").strip().lower()
    return _ALIASES.get(lowered, lowered) or None


def is_language(name: str) -> bool:
    """Return whether this is the name of a language that is listed here."""
    return normalize_language(name) in _ENDINGS


def get_language(path: str) -> str | None:
    """Return the language of a file by its name."""
    name = PurePosixPath(path).name
    ending = PurePosixPath(name).suffix
    return WITHOUT_ENDING.get(name) or _BY_ENDING.get(ending) or _BY_ENDING.get(ending.lower())


def is_same_language(one: str | None, other: str | None) -> bool:
    """Return whether two languages are the same, or are taken for one another on fences."""
    first, second = normalize_language(one), normalize_language(other)
    return first == second or _FAMILIES.get(first or "", "-") == _FAMILIES.get(second or "")


def build_file_name(language: str | None) -> str:
    """Return the name for code that has none."""
    endings = _ENDINGS.get(normalize_language(language) or "", (".txt",))
    return f"solution{endings[0]}"
