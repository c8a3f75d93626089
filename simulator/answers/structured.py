"""Answers as JSON by a schema: plausible where its fields are known, else a sample that fits."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import JsonValue

from simulator.answers.review import extract_prompt_code, review_code
from simulator.answers.samples import build_sample
from simulator.answers.suites import SUITES
from simulator.answers.topics import find_topic, find_topics
from simulator.schemas.fit import fits

SIMULATED: Final = "Simulated: no model was asked."
NO_SAMPLE: Final = "Simulated: the simulator has found no value that follows the schema."
_STATED: Final = re.compile(r"follows this JSON Schema[^{]{0,40}(?=\{)")
_DECODER: Final = json.JSONDecoder()
_CHOICE: Final = re.compile(r"([\w+#.-]{1,40}) or (?:an? |the )?([\w+#-]{1,40})", re.IGNORECASE)
_ASKED: Final = 500
"""Characters of a prompt that are searched for its question."""
_OWN: Final = re.compile(r"You said:\s+(?P<verdict>.{1,200}?) \(confidence \d+\)$", re.MULTILINE)


class NoSample(Exception):
    """No value was found that follows the schema."""


Written = dict[str, JsonValue]


def write_json(prompt: str, schema: JsonValue, *, model: str) -> JsonValue:
    """Return a value that fits the schema. A field that is known is filled as a model would.

    Raises NoSample if none was found.
    """
    sample = build_sample(schema)
    if not fits(schema, sample):
        raise NoSample
    if not isinstance(sample, dict) or not isinstance(schema, dict):
        return sample
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    write = next((write for name, write in _WRITERS.items() if name in known), None)
    if write is None:
        return sample
    written = {name: each for name, each in write(prompt, model).items() if name in known}
    value = sample | written
    return value if fits(schema, value) else sample


def find_stated_schema(text: str) -> JsonValue:
    """Return the schema that instructions want an answer to follow, None if they want none."""
    for found in _STATED.finditer(text):
        try:
            stated: JsonValue = _DECODER.raw_decode(text, found.end())[0]
        except (ValueError, RecursionError):
            continue
        return stated
    return None


def _write_findings(prompt: str, _model: str) -> Written:
    code = extract_prompt_code(prompt)
    remarks = review_code(code) if code else []
    findings: list[JsonValue] = [
        {
            "file": None,
            "line": each.line,
            "severity": each.severity,
            "what": each.what[:1].upper() + each.what[1:] + ".",
            "fix": each.fix[:1].upper() + each.fix[1:] + "." if each.fix else "",
        }
        for each in remarks
    ]
    return {
        "summary": f"{SIMULATED} The syntax tree shows {len(findings)} things to mend.",
        "findings": findings,
        "test": None,
        "fixed_code": None,
    }


def _write_position(prompt: str, model: str) -> Written:
    """Take one of two sides; models of one family take the same."""
    question = prompt[:_ASKED]
    chosen = _CHOICE.search(question)
    sides = chosen.groups() if chosen else ("Yes, in small steps", "No, not yet")
    is_first = "claude" in model.lower()
    own = _OWN.search(prompt)
    verdict = own["verdict"] if own else sides[0 if is_first else 1]
    other = sides[1 if is_first else 0]
    return {
        "verdict": verdict[:1].upper() + verdict[1:],
        "reasons": [
            f"{SIMULATED} Whoever has tried both keeps this one.",
            f"It is easier to change later than the other way: {other}.",
        ],
        "evidence": ["None: the simulator has read nothing."],
        "confidence": 70 if is_first else 60,
        "would_change": "A trial of a week in which the other way takes less time.",
        "attack": f"{SIMULATED} What speaks for the other way holds only at first.",
    }


def _write_division(prompt: str, _model: str) -> Written:
    """Plan programs for the subjects that the request names, and a guide; else three texts."""
    topics = find_topics(prompt[:_ASKED])
    parts: list[JsonValue] = [
        _build_part(each.program, f"Write {each.sentence}.", file=f"{each.program}.py")
        for each in topics
    ]
    if topics:
        needs = [each.program for each in topics]
        parts.append(_build_part("guide", "Say how it is used.", *needs))
    else:
        parts = [
            _build_part("interface", "Say what goes in, what comes out, and what is refused."),
            _build_part("examples", "Give three examples, with one that is refused."),
            _build_part("body", "Do the work itself.", "interface"),
        ]
    return {"approach": f"{SIMULATED} Each part by itself, then all together.", "parts": parts}


def _build_part(name: str, instruction: str, *needs: str, file: str | None = None) -> Written:
    return {
        "name": name,
        "instruction": f"{instruction} ({SIMULATED})",
        "interface": f"{name}: what its name says.",
        "acceptance": "Somebody who has not seen the rest can use it.",
        "needs": [*needs],
        "kind": "code" if file else "text",
        "file": file,
    }


def _write_proposal(prompt: str, _model: str) -> Written:
    """Propose a program for each subject that the request names, and a report of all."""
    topics = find_topics(prompt[:_ASKED])
    first: list[JsonValue] = [
        _build_step(each.program, "GENERATE_CODE", f"Write {each.sentence}.") for each in topics
    ]
    names = [each.program for each in topics]
    if not topics:
        names = ["facts", "doubts"]
        first = [_build_step(each, "ASK", f"Collect the {each}.") for each in names]
    return {"tasks": [*first, _build_step("report", "ASK", "Say what came of it.", *names)]}


def _build_step(name: str, kind: str, instruction: str, *needs: str) -> Written:
    return {
        "name": name,
        "type": kind,
        "instruction": f"{instruction} ({SIMULATED})",
        "needs": [*needs],
        "language": None,
        "file": f"{name}.py" if kind == "GENERATE_CODE" else None,
        "budget_usd": None,
    }


def _write_critique(_prompt: str, _model: str) -> Written:
    return {"problems": [f"{SIMULATED} Nothing says how one will see that the goal is reached."]}


def _write_proof(prompt: str, _model: str) -> Written:
    topic = find_topic(prompt)
    if topic is None or topic.program not in _WORKLOADS:
        return {}
    return {"tests": SUITES[topic.program], "workload": _WORKLOADS[topic.program]}


_WRITERS: Final[Mapping[str, Callable[[str, str], Written]]] = {
    "findings": _write_findings,
    "verdict": _write_position,
    "parts": _write_division,
    "tasks": _write_proposal,
    "problems": _write_critique,
    "workload": _write_proof,
}
"""What fills an object, by a field that tells what it is."""

_WORKLOADS: Final[Mapping[str, str]] = {
    "unique": "def workload():\n    return len(unique(list(range(1500)) * 2))\n",
    "fibonacci": "def workload():\n    return fibonacci(22)\n",
}
"""Work for the programs whose first version is often slow."""
