"""Answers as JSON by a schema: plausible where its fields are known, else a sample that fits."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
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
_QUOTED: Final = re.compile(
    r"<(?P<name>own_position|positions)>\n(?P<json>.*?)\n</(?P=name)>", re.DOTALL
)
"""Positions of debaters, as prompts quote them."""


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
    own = _read_quoted(prompt).get("own_position")
    held = own.get("verdict") if isinstance(own, dict) else None
    verdict = held if isinstance(held, str) else sides[0 if is_first else 1]
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


def _write_ruling(prompt: str, _model: str) -> Written:
    """Decide with the majority, and name who holds the same."""
    quoted = _read_quoted(prompt).get("positions")
    positions = quoted if isinstance(quoted, dict) else {}
    held = {
        number: str(each.get("verdict")) for number, each in positions.items()
        if isinstance(each, dict) and number.isdecimal()
    }  # fmt: skip
    votes = [*held.values()]
    decided = max(votes, key=votes.count, default="Nothing, since nobody held anything")
    return {
        "decision": decided,
        "explanation": f"{SIMULATED} Most of the positions hold it ({votes.count(decided)} of "
        f"{len(votes)}). A trial of a week with one measure, agreed on beforehand, would decide "
        "the question for good.",
        "evidence": ["None: the simulator has read nothing."],
        "agreeing": [int(number) for number, verdict in held.items() if verdict == decided],
    }


def _write_comparison(prompt: str, _model: str) -> Written:
    """Hold every answer for another one: the simulator does not know what words mean."""
    count = len(re.findall(r'^ "\d+": ', prompt, re.MULTILINE))
    return {"groups": [[number] for number in range(1, count + 1)]}


def _read_quoted(prompt: str) -> dict[str, JsonValue]:
    quoted = {}
    for found in _QUOTED.finditer(prompt):
        with suppress(ValueError):
            quoted[found["name"]] = json.loads(found["json"])
    return quoted


def _write_strategy(prompt: str, _model: str) -> Written:
    is_revised = "A critic found:" in prompt
    measure = "Two weeks, one number, one person who reads it." if is_revised else ""
    steps: list[JsonValue] = [
        {"title": title, "work": work, "done_when": measure}
        for title, work in (
            ("Write down the goal.", "Say how one will see that it is reached."),
            ("Try the riskiest part first.", "One customer is enough."),
            ("Decide by the result.", "Go on, or stop."),
        )
    ]
    return {
        "architecture": f"{SIMULATED} A plan in general terms: it knows nothing of the matter.",
        "steps": steps,
        "challenges": [{"risk": "The goal is vague.", "answer": "Let somebody else read it."}],
        "resources": ["One person, four weeks."],
    }


def _write_opinion(_prompt: str, _model: str) -> Written:
    return {
        "agrees": False,
        "problems": [f"{SIMULATED} Nothing says how one will see that the goal is reached."],
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
    "decision": _write_ruling,
    "groups": _write_comparison,
    "architecture": _write_strategy,
    "agrees": _write_opinion,
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
