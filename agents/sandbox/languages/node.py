"""Checks of JavaScript and TypeScript: types, node:test, vitest, React in jsdom, scripts."""

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from agents.sandbox.check import CheckParams, encode_files
from agents.sandbox.job import Job, Outcome, RunLimits
from agents.sandbox.languages.harness_report import MANIFEST, NONCE_FILE, read_harness_report
from agents.sandbox.languages.python import PythonToolchain
from agents.sandbox.report import Report

Framework = Literal["node:test", "vitest", "script"]

NODE_LIMITS: Final = RunLimits(wall_seconds=60, cpu_seconds=60, memory_mb=1024, processes=256)
"""Compilers need more than what they compile; Node's threads count as processes."""
SETUP: Final = ".cogo-setup.mjs"
FROZEN: Final = ".cogo-freeze.mjs"
TSCONFIG: Final = ".cogo-tsconfig.json"
MIN_VERSION: Final = (20, 19)

_COMPILED: Final = frozenset({".ts", ".tsx", ".mts", ".cts", ".jsx"})
_SCRIPTS: Final = _COMPILED | {".js", ".mjs", ".cjs"}
_TEST_NAME: Final = re.compile(r"[._-](?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)(?:test|tests)/")
_CONFIGURATION: Final = re.compile(
    r"^(?:\.npmrc|tsconfig.*\.json|(?:vite|vitest|jest)\.config\.[cm]?[jt]s|node_modules)$"
)
"""Files that would change how tests run. Those of the tested code are left out."""
_NAME: Final = r"([A-Za-z_$][\w$]*)"
_KINDS: Final = r"(?:async\s+)?(?:abstract\s+)?(?:function\*?|class|const|let|var|enum)\s+"
_EXPORTED: Final = re.compile(rf"^export\s+{_KINDS}{_NAME}", re.MULTILINE)
_EXPORT_LIST: Final = re.compile(r"^export\s*\{([^}]*)\}", re.MULTILINE)
_DEFAULT: Final = re.compile(
    rf"^export\s+default\s+(?:(?:async\s+)?(?:function\*?|class)\s+)?{_NAME}", re.MULTILINE
)
_DECLARED: Final = re.compile(rf"^{_KINDS}{_NAME}", re.MULTILINE)
_EXPORTS: Final = re.compile(r"^export\b|\bmodule\.exports\b|^exports\.", re.MULTILINE)
_LOCAL_IMPORT: Final = re.compile(r"""(?:from|require\(|import\(|import)\s*["']\.{1,2}/""")
_IMPORTED_NAMES: Final = re.compile(r"""import\s*\{([^}]*)\}\s*from\s*["']\.{1,2}/""")
_IS_MODULE: Final = re.compile(r"^\s*(?:import|export)\b", re.MULTILINE)
_REQUIRES: Final = re.compile(r"\brequire\(")
_NODE_TEST: Final = re.compile(r"""["']node:test["']""")
_VITEST: Final = re.compile(
    r"""["'](?:vitest|@jest/globals)["']|\bexpect\(|^\s*(?:describe|it|test)\("""
)
_DOM: Final = re.compile(r"@testing-library/|\breact\b|\bdocument\.|\bwindow\.")


@dataclass(frozen=True, slots=True)
class NodeToolchain:
    """Node, and the folder with the packages of `cogo sandbox install node`, if it is there."""

    program: Path
    version: tuple[int, ...]
    packages: Path | None
    readable: tuple[Path, ...]


def needs_packages(params: CheckParams) -> bool:
    """Return whether a check needs more than Node itself."""
    tests = list_node_tests(params)
    paths = [*params.files, *tests]
    is_compiled = any(PurePosixPath(path).suffix in _COMPILED for path in paths)
    return is_compiled or find_framework(tests) == "vitest"


def find_framework(tests: dict[str, str]) -> Framework:
    """Return what runs the tests; it is recognized by what they import."""
    text = "\n".join(tests.values())
    if _NODE_TEST.search(text):
        return "node:test"
    return "vitest" if _VITEST.search(text) else "script"


def list_node_tests(params: CheckParams) -> dict[str, str]:
    """Return the files of the tests by path; a text is named after the code that it tests."""
    if not isinstance(params.tests, str):
        return params.tests or {}
    if not params.tests.strip():
        return {}
    main = _find_main(params.files)
    suffix = PurePosixPath(main).suffix if main else ".js"
    uses_markup = suffix == ".ts" and "</" in params.tests
    return {f"solution.test{'.tsx' if uses_markup else suffix}": params.tests}


def build_node_job(
    params: CheckParams,
    node: NodeToolchain,
    python: PythonToolchain,
    *,
    limits: RunLimits,
    secret: str,
) -> Job:
    """Return the job that runs the tests of `params`; only the harness learns `secret`."""
    tests = list_node_tests(params)
    framework = find_framework(tests)
    sources = _select_sources(params, tests)
    main = _find_main(sources)
    scripts = [path for path in tests if PurePosixPath(path).suffix in _SCRIPTS]
    named = [path for path in scripts if _TEST_NAME.search(path)] or scripts
    tokens = {
        path: {"file": f".cogo-end-{number}", "token": secrets.token_hex(8)}
        for number, path in enumerate(named)
    }
    prepared = dict(tests)
    for path in named:
        text = _add_imports(path, tests[path], main, sources)
        prepared[path] = text + _build_end(text, framework, **tokens[path])
    if params.against == "stub":
        sources = _build_stubs(sources, tests)
    compiled = [path for path in sources if PurePosixPath(path).suffix in _COMPILED - {".jsx"}]
    is_checked = bool(compiled) and params.against == "code" and node.packages is not None
    config = {
        "packages": str(node.packages) if node.packages else None,
        "compile": TSCONFIG if is_checked else None,
        "framework": framework,
        "tests": named,
        "tokens": tokens,
        **_describe_files(sources | tests),
    }
    readable = [python.folder, *python.readable, *node.readable]
    return Job(
        files={
            **encode_files(sources | prepared),
            SETUP: _SETUP.encode(),
            FROZEN: _FREEZE.encode(),
            TSCONFIG: json.dumps(_build_tsconfig(compiled, node.packages)).encode(),
            MANIFEST: json.dumps(config).encode(),
            NONCE_FILE: secret.encode(),
        },
        command=[
            *(str(python.interpreter), "-I", "-S", "-B"),
            str(python.folder / "agents/sandbox/harness/run_node.py"),
            str(node.program),
        ],
        limits=limits,
        environment={"CI": "1", "NO_COLOR": "1"},
        readable=[*readable, *([node.packages] if node.packages else [])],
    )


def read_node_report(
    outcome: Outcome, params: CheckParams, *, limits: RunLimits, secret: str
) -> Report:
    """Return the report on the tests of `params`."""
    command = {"node:test": "node --test", "vitest": "vitest run", "script": "node --test"}
    return read_harness_report(
        outcome,
        language=params.language,
        command=command[find_framework(list_node_tests(params))],
        limits=limits,
        secret=secret,
    )


_FREEZE: Final = """\
import assert from "node:assert";
Object.freeze(assert);
Object.freeze(assert.strict);
"""
"""Keeps the tested code from replacing assertions."""
_SETUP: Final = f"""\
import "./{FROZEN}";
import {{ vi }} from "vitest";
globalThis.jest = vi;
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
"""


def _select_sources(params: CheckParams, tests: dict[str, str]) -> dict[str, str]:
    return {
        path: _add_exports(path, text)
        for path, text in params.files.items()
        if path not in tests and not any(map(_CONFIGURATION.match, PurePosixPath(path).parts))
    }


def _describe_files(files: dict[str, str]) -> dict[str, bool]:
    return {
        "dom": _DOM.search("\n".join(files.values())) is not None,
        "built": any(PurePosixPath(path).suffix in _COMPILED for path in files),
    }


def _find_main(files: dict[str, str]) -> str | None:
    scripts = [path for path in files if PurePosixPath(path).suffix in _SCRIPTS]
    return next((path for path in scripts if not _TEST_NAME.search(path)), None)


def _list_exports(text: str) -> list[str]:
    names = _EXPORTED.findall(text)
    for group in _EXPORT_LIST.findall(text):
        names += [each.split(" as ")[-1].strip() for each in group.split(",") if each.strip()]
    return [each for each in dict.fromkeys(names) if each.isidentifier() or "$" in each]


def _add_exports(path: str, text: str) -> str:
    """Export what a file declares if it exports nothing, as models often forget it."""
    if PurePosixPath(path).suffix not in _SCRIPTS - {".cjs"} or _EXPORTS.search(text):
        return text
    names = list(dict.fromkeys(_DECLARED.findall(text)))
    if not names:
        return text
    if _REQUIRES.search(text):
        return f"{text}\nmodule.exports = {{ {', '.join(names)} }};\n"
    return f"{text}\nexport {{ {', '.join(names)} }};\n"


def _add_imports(path: str, text: str, main: str | None, sources: dict[str, str]) -> str:
    """Import the names that tests use, if they import nothing of the code. Lines stay the same."""
    if main is None or _LOCAL_IMPORT.search(text):
        return text
    source = sources[main]
    words = set(re.findall(r"[A-Za-z_$][\w$]*", text))
    default = next(iter(_DEFAULT.findall(source)), None)
    names = [name for name in _list_exports(source) if name in words and name != default]
    if "module.exports" in source:
        names = [name for name in _DECLARED.findall(source) if name in words]
    if not names and default not in words:
        return text
    up = "../" * (len(PurePosixPath(path).parts) - 1) or "./"
    listed = f"{{ {', '.join(names)} }}"
    if _REQUIRES.search(text) and not _IS_MODULE.search(text):
        return f'const {listed} = require("{up}{main}"); {text}'
    clauses = [*([default] if default in words and default else []), *([listed] if names else [])]
    return f'import {", ".join(clauses)} from "{up}{main}"; {text}'


def _build_end(text: str, framework: Framework, *, file: str, token: str) -> str:
    """Return code that writes the token when every test of the file has ended."""
    is_module = _IS_MODULE.search(text) is not None or not _REQUIRES.search(text)
    write = f"$cogoWrite({json.dumps(file)}, {json.dumps(token)})"
    runner = {"node:test": "node:test", "vitest": "vitest"}.get(framework)
    hook = {"node:test": "after", "vitest": "afterAll"}.get(framework)
    call = f"$cogoEnd(() => {write});" if runner else f"{write};"
    if is_module:
        imports = 'import { writeFileSync as $cogoWrite } from "node:fs";'
        if runner:
            imports += f' import {{ {hook} as $cogoEnd }} from "{runner}";'
    else:
        imports = 'const { writeFileSync: $cogoWrite } = require("node:fs");'
        if runner:
            imports += f' const {{ {hook}: $cogoEnd }} = require("{runner}");'
    return f"\n;{imports}{call}\n"


def _build_stubs(sources: dict[str, str], tests: dict[str, str]) -> dict[str, str]:
    """Return modules in which everything is a function without result."""
    imported = [
        each.split(" as ")[0].removeprefix("type ").strip()
        for text in tests.values()
        for group in _IMPORTED_NAMES.findall(text)
        for each in group.split(",")
        if each.strip()
    ]
    stubs = {}
    for path, text in sources.items():
        if PurePosixPath(path).suffix not in _SCRIPTS:
            stubs[path] = text
            continue
        names = [*_list_exports(text), *imported, *_DECLARED.findall(text)]
        names = [each for each in dict.fromkeys(names) if each != "default"]
        lines = [_STUB]
        if PurePosixPath(path).suffix == ".cjs" or "module.exports" in text:
            lines.append("module.exports = stub;")
        else:
            lines += ["export default stub;"]
            lines += [f"const $stub{n} = stub;" for n in range(len(names))]
            listed = ", ".join(f"$stub{n} as {each}" for n, each in enumerate(names))
            lines.append(f"export {{ {listed} }};")
        stubs[path] = "\n".join(lines)
    return stubs


_STUB: Final = """\
const stub = new Proxy(function () {}, {
  apply: () => undefined,
  construct: () => stub,
  get(target, name) {
    if (name === "prototype") return target.prototype;
    return typeof name === "symbol" || name === "then" ? undefined : () => undefined;
  },
});"""


def _build_tsconfig(paths: list[str], packages: Path | None) -> dict[str, object]:
    return {
        "compilerOptions": {
            "strict": True,
            "noEmit": True,
            "target": "ES2022",
            "module": "ESNext",
            "moduleResolution": "bundler",
            "lib": ["ES2023", "DOM", "DOM.Iterable"],
            "jsx": "react-jsx",
            "types": ["node"],
            "typeRoots": [f"{packages}/node_modules/@types"] if packages else [],
            "skipLibCheck": True,
            "allowImportingTsExtensions": True,
            "resolveJsonModule": True,
        },
        "files": paths,
    }
