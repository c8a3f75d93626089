"""Code that raises an error, for requests that the simulator has no program for."""

import re
from collections.abc import Mapping
from typing import Final

MESSAGE: Final = "Simulated: no model was asked, so nothing was written for this request."

_TEMPLATES: Final[Mapping[str, str]] = {
    "bash": 'simulated_answer() {\n  echo "MESSAGE" >&2\n  return 1\n}\n',
    "c": (
        "#include <stdio.h>\n#include <stdlib.h>\n\nint main(void) {\n"
        '    fputs("MESSAGE\\n", stderr);\n    return EXIT_FAILURE;\n}\n'
    ),
    "cpp": '#include <stdexcept>\n\nint main() {\n    throw std::logic_error("MESSAGE");\n}\n',
    "csharp": 'throw new System.NotImplementedException("MESSAGE");\n',
    "css": "/* MESSAGE */\n",
    "go": 'package main\n\nfunc main() {\n\tpanic("MESSAGE")\n}\n',
    "html": "<!doctype html>\n<title>Simulated</title>\n<p>MESSAGE</p>\n",
    "java": (
        "class SimulatedAnswer {\n    public static void main(String[] args) {\n"
        '        throw new UnsupportedOperationException("MESSAGE");\n    }\n}\n'
    ),
    "javascript": 'function simulatedAnswer() {\n  throw new Error("MESSAGE");\n}\n',
    "json": '{"simulated": true, "message": "MESSAGE"}\n',
    "kotlin": 'fun simulatedAnswer(): Nothing = TODO("MESSAGE")\n',
    "php": (
        "<?php\nfunction simulated_answer(): never\n{\n"
        '    throw new LogicException("MESSAGE");\n}\n'
    ),
    "python": (
        "def simulated_answer(*_args: object, **_kwargs: object) -> None:\n"
        '    raise NotImplementedError(\n        "MESSAGE"\n    )\n'
    ),
    "ruby": 'def simulated_answer(*)\n  raise NotImplementedError, "MESSAGE"\nend\n',
    "rust": 'fn main() {\n    panic!("MESSAGE");\n}\n',
    "sql": "select 'MESSAGE' as simulated;\n",
    "swift": 'func simulatedAnswer() -> Never {\n    fatalError("MESSAGE")\n}\n',
    "toml": 'simulated = true\nmessage = "MESSAGE"\n',
    "typescript": 'function simulatedAnswer(): never {\n  throw new Error("MESSAGE");\n}\n',
    "yaml": 'simulated: true\nmessage: "MESSAGE"\n',
}
_ALIASES: Final[Mapping[str, str]] = {
    "c#": "csharp",
    "c++": "cpp",
    "cs": "csharp",
    "golang": "go",
    "js": "javascript",
    "node": "javascript",
    "node.js": "javascript",
    "nodejs": "javascript",
    "py": "python",
    "python3": "python",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "yml": "yaml",
}
LANGUAGES: Final = frozenset(_TEMPLATES)

_STATED: Final = re.compile(r"^language:[ \t]*(?P<name>\S+)", re.IGNORECASE | re.MULTILINE)
_NAMES: Final = "|".join(
    re.escape(name) for name in sorted({*_TEMPLATES, *_ALIASES}, key=len, reverse=True)
)
_MENTIONED: Final = re.compile(rf"\bin (?P<name>{_NAMES})(?![\w+#])", re.IGNORECASE)


def detect_language(request: str) -> str:
    """Return the lower-case name of the language that a request names, by default python."""
    found = _STATED.search(request) or _MENTIONED.search(request)
    if found is None:
        return "python"
    name = found["name"].lower()
    return _ALIASES.get(name, name)


def build_placeholder(language: str) -> str:
    """Return runnable code that says that it is simulated; plain text for other languages."""
    return _TEMPLATES.get(language, "MESSAGE\n").replace("MESSAGE", MESSAGE)
