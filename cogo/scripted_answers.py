"""The answers of a script for `cogo.testing`, as the outputs of steps."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_jsonable_python

from agents.extraction.answer import extract_code
from agents.tools import ToolFunction
from agents.tools.names import (
    is_memory_module,
    read_embedding_module,
    read_mcp_module,
    read_rerank_module,
)
from agents.tools.worker import ToolWorker
from agents.workflows.engine import StepRequest
from agents.workflows.hosting.schema_example import build_example

_OF_AN_ASK: Final = frozenset({"data", "text", "code", "generated_code"})
"""Keys by which the answer of an `ask` is its whole output, and not data by itself."""


def fail_with(error_class: str, message: str = "it failed") -> dict[str, Any]:
    """Return an answer that makes the step fail."""
    return {"error": {"class": error_class, "message": message}}


def suggest_answer(request: StepRequest) -> Any:
    """Return an answer with which a script can begin."""
    match request.kind:
        case "check" | "approve":
            return True
        case "event":
            return {}
        case "call":
            return suggest_result(str(request.request["module"]), str(request.request["name"]))
        case "ask" if isinstance(schema := request.request.get("schema"), Mapping):
            return {"data": build_example(schema.get("schema"))}
        case _:
            return f"the text of {request.key}"


def build_output(request: StepRequest, answer: Any) -> dict[str, Any]:
    """Return the output of a step for a scripted answer, or `{"error": ...}`."""
    value = to_jsonable_python(answer)
    if _is_failure(value) and request.kind != "event":
        return dict(value)
    match request.kind, value:
        case "check", bool() | str():
            verdict = value if isinstance(value, str) else "passed" if value else "failed"
            value = {"verdict": verdict}
        case "approve", bool():
            value = {"approved": value}
        case "call", _:
            value = {"value": value}
        case "event", _:
            value = {"payload": value}
        case "ask", dict() if request.request.get("schema") and not value.keys() & _OF_AN_ASK:
            value = {"data": value}
        case "ask", str() if language := request.request.get("language"):
            value = _extract(value, str(language))
        case _, str():
            value = {"text": value}
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no answer for step {request.key!r} ({request.kind})")
    if request.kind == "check":
        given = {"sandbox": "script", "language": request.request.get("language")}
        return {"report": given | value}
    if "code" in value:
        value = {"generated_code": value["code"], **value}
    return value


def run_call(worker: ToolWorker, request: StepRequest) -> dict[str, Any]:
    """Run the function of a call here; return its output, or `{"error": ...}`."""
    asked: dict[str, Any] = request.request
    if (server := read_mcp_module(asked["module"])) is not None:
        text = f"a script cannot call MCP server {server}: give it an answer for {request.key}"
        return fail_with("unknown_tool", text)
    if (model := _read_model(asked["module"])) is not None:
        return fail_with("unknown_tool", f"a script cannot call {model}: script {request.key}")
    if is_memory_module(asked["module"]):
        return fail_with("unknown_tool", f"a script has no memory: script {request.key}")
    worker.load(asked["module"])
    return worker.call(asked["module"], asked["name"], asked["arguments"])


def _read_model(module: str) -> str | None:
    """Return the model that a module stands for, or None for a module."""
    return read_embedding_module(module) or read_rerank_module(module)


def _is_failure(value: Any) -> bool:
    """Return whether an answer is that of `fail_with`, and not data with an `error` in it."""
    if not isinstance(value, dict) or "error" not in value:
        return False
    return isinstance(value["error"], dict) and "class" in value["error"]


def _extract(text: str, language: str) -> dict[str, Any]:
    """Return the output of an answer that was asked for code."""
    found = extract_code(text, language=language)
    return {
        "text": text, "generated_code": found.code, "language": language,
        "files": dict(found.files),
    }  # fmt: skip


def suggest_result(module: str, name: str) -> Any:
    """Return a value such as a tool returns."""
    if name == "recall" and (is_memory_module(module) or read_embedding_module(module)):
        hit = {"id": str(UUID(int=0)), "kind": "fact", "content": "What was found.", "score": 1.0}
        return [hit | {"source": "a source"}]
    if is_memory_module(module):
        return [str(UUID(int=0))]
    if read_embedding_module(module) is not None:
        return [[0.0, 1.0]]
    if read_rerank_module(module) is not None:
        return [[0, 1.0]]
    is_function = read_mcp_module(module) is None
    function = getattr(import_module(module), name, None) if is_function else None
    if not isinstance(function, ToolFunction):
        return f"the value of {name}"
    example = build_example(function.result_schema)
    return "" if example is None else example  # which scripts in TOML cannot say
