"""Values of steps, read from their recorded outputs."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from agents.extraction.data import find_json
from agents.sandbox.report import Report
from agents.tools import ToolFunction
from agents.workflows.engine.errors import StepFailed
from agents.workflows.engine.values import (
    Answer,
    Approval,
    Panel,
    PanelMember,
    Review,
    TaskOutcome,
)
from agents.workflows.engine.work import Step
from agents.workflows.prompts.review import ReviewAnswer
from protocol.embeddings import decode_vector
from protocol.json_values import explain_mistake
from protocol.records import JudgementSource
from protocol.records.flows import StepRecord
from protocol.records.memory import MemoryHit
from providers.rerank.records import RankedDocument

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

MAX_PROBLEMS_SHOWN: Final = 5
_APPROVAL: Final[TypeAdapter[Approval]] = TypeAdapter(Approval)
_HITS: Final = TypeAdapter(list[MemoryHit])
_IDS: Final = TypeAdapter(list[UUID])


def read_output(step: Step[Any]) -> Mapping[str, Any]:
    """Return the whole output of a step that has ended, beside its value."""
    return (step.record.output if step.record else None) or {}


def find_step_model(step: Step[Any]) -> str | None:
    """Return the model that answered a step, else the one that was asked."""
    used = read_output(step).get("model_used")
    asked = (step.record.model_id if step.record else None) or step.request.get("model")
    return used if isinstance(used, str) else asked if isinstance(asked, str) else None


def read_answer(record: StepRecord) -> Answer:
    """Return the answer in the output of a step."""
    output = record.output or {}
    files = output.get("files")
    return Answer(
        text=_get_text(output, "text") or "",
        code=_get_text(output, "generated_code"),
        files={str(path): str(text) for path, text in files.items()}
        if isinstance(files, dict)
        else {},
        language=_get_text(output, "language"),
        model=_get_text(output, "model_used") or record.model_id,
        maker=_get_text(_get_mapping(output, "derived"), "maker"),
        cost_usd=record.cost_usd,
        step=record.key,
        problem=_find_problem(output),
        output=output,
    )


def read_outcome(record: StepRecord) -> TaskOutcome:
    """Return the result of a child task, whose output was copied to the step."""
    output = record.output or {}
    return TaskOutcome(
        text=_get_text(output, "text") or "", cost_usd=record.cost_usd, output=output
    )


def read_data(record: StepRecord, model: type[M]) -> M:
    """Return the data in an answer, as `model`. Raises StepFailed."""
    output = record.output or {}
    data = output.get("data")
    try:
        return model.model_validate(find_json(str(output.get("text"))) if data is None else data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise StepFailed(
            record.key,
            "invalid_answer",
            f"the answer is no {model.__name__}: {path + ': ' if path else ''}"
            + explain_mistake(first),
        ) from None
    except ValueError as error:
        raise StepFailed(
            record.key, "invalid_answer", f"the answer is no {model.__name__}: {error}"
        ) from None


def read_report(record: StepRecord) -> Report:
    """Return the report of a check. Raises StepFailed."""
    try:
        return Report.model_validate((record.output or {}).get("report"))
    except ValidationError:
        raise StepFailed(
            record.key, "invalid_answer", "the sandbox gave no report that can be read"
        ) from None


def find_verdict(report: Report, *, is_written: bool) -> tuple[JudgementSource, float] | None:
    """Return what running code shows of the answer that it is from; None if it was not tested.

    Tests that a model has written may be wrong.
    """
    match report.verdict:
        case "passed":
            return ("written_tests", 0.9) if is_written else ("run", 1.0)
        case "syntax":
            return ("run", 0.0)
        case "failed" | "crashed" | "timeout" | "memory":
            return ("written_tests", 0.3) if is_written else ("run", 0.0)
        case _:
            return None


def read_approval(record: StepRecord) -> Approval:
    """Return a person's decision. Raises StepFailed."""
    output = record.output or {}
    try:
        return _APPROVAL.validate_python(
            {name: output.get(name) for name in ("approved", "by", "comment", "at")}
        )
    except ValidationError:
        raise StepFailed(record.key, "invalid_answer", "the decision cannot be read") from None


def read_event(record: StepRecord) -> JsonValue:
    """Return the payload of an event."""
    return (record.output or {}).get("payload")


def read_value(record: StepRecord, tool: ToolFunction[..., T]) -> T:
    """Return the result of a tool, with the type of its function. Raises StepFailed."""
    try:
        return tool.read_result((record.output or {}).get("value"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise StepFailed(
            record.key,
            "invalid_answer",
            f"{tool.signature} has returned something else: {path + ': ' if path else ''}"
            + explain_mistake(first),
        ) from None


def read_json(record: StepRecord) -> JsonValue:
    """Return the result of a tool that was called by its name."""
    return (record.output or {}).get("value")


def read_vectors(record: StepRecord) -> list[list[float]]:
    """Return vectors as numbers. Raises StepFailed."""
    output = record.output or {}
    vectors = output.get("embeddings", output.get("value"))
    try:
        return [decode_vector(each) for each in vectors or ()]
    except (TypeError, ValueError):
        raise StepFailed(record.key, "invalid_answer", "the vectors cannot be read") from None


def read_ranking(record: StepRecord, count: int) -> list[RankedDocument]:
    """Return the places of documents and their scores, best first. Raises StepFailed."""
    output = record.output or {}
    rows = output.get("ranking", output.get("value"))
    try:
        found = [RankedDocument(int(place), float(score)) for place, score in rows or ()]
    except (TypeError, ValueError):
        raise StepFailed(record.key, "invalid_answer", "the ranking cannot be read") from None
    if not all(0 <= each.place < count for each in found):
        raise StepFailed(record.key, "invalid_answer", "the ranking has documents of others")
    return found


def read_hits(record: StepRecord) -> list[MemoryHit]:
    """Return what a search of memory has found, best first. Raises StepFailed."""
    output = record.output or {}
    try:
        return _HITS.validate_python(output.get("hits", output.get("value")))
    except ValidationError:
        raise StepFailed(record.key, "invalid_answer", "what was found cannot be read") from None


def read_ids(record: StepRecord) -> list[UUID]:
    """Return the ids of what was remembered. Raises StepFailed."""
    try:
        return _IDS.validate_python((record.output or {}).get("value"))
    except ValidationError:
        raise StepFailed(record.key, "invalid_answer", "the ids cannot be read") from None


def read_nothing(record: StepRecord) -> None:
    """Return None, for steps without a value."""
    del record


def _find_problem(output: Mapping[str, Any]) -> str | None:
    problem = _get_text(output, "problem")
    if problem is not None:
        return problem
    verification = _get_mapping(output, "verification")
    if verification.get("status") != "failed":
        return None
    return _get_text(verification, "reason") or "it failed a check"


def _get_text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) else None


def _get_mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


@lru_cache(maxsize=256)
def describe_schema(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return the JSON Schema of a model of pydantic, with its name."""
    return {"name": model.__name__, "schema": model.model_json_schema()}


def list_models(answers: Sequence[Answer | str]) -> list[str]:
    """Return the models of answers once each; names stay as they are."""
    names = [each.model or "" if isinstance(each, Answer) else each for each in answers]
    return list(dict.fromkeys(names))


def read_models(decision: JsonValue) -> tuple[str, ...]:
    """Return the models of a decision, in its order."""
    models = decision.get("models") if isinstance(decision, dict) else None
    if not isinstance(models, list):
        return ()
    return tuple(
        model
        for each in models
        if isinstance(each, dict) and isinstance(model := each.get("model"), str)
    )


def read_panel(decision: JsonValue) -> Panel:
    """Return the panel of a decision, in its order."""
    models = decision.get("models") if isinstance(decision, dict) else None
    strongest = decision.get("strongest") if isinstance(decision, dict) else None
    members = [
        PanelMember(role, model, str(each.get("maker")))
        for each in (models if isinstance(models, list) else [])
        if isinstance(each, dict)
        and isinstance(role := each.get("role"), str)
        and isinstance(model := each.get("model"), str)
    ]
    problem = decision.get("problem") if isinstance(decision, dict) else None
    return Panel(
        tuple(members),
        strongest if isinstance(strongest, dict) else {},
        problem if isinstance(problem, str) else None,
    )


def read_review(record: StepRecord, authors: Sequence[str]) -> Review:
    """Return a review of what these models have written. Raises StepFailed.

    Who names problems does not agree, whatever else it says.
    """
    answer = read_data(record, ReviewAnswer)
    problems = tuple(each for each in answer.problems if each.strip())[:MAX_PROBLEMS_SHOWN]
    model = read_answer(record).model
    return Review(
        agrees=answer.agrees and not problems,
        problems=problems,
        model=model,
        is_by_author=model is not None and model in authors,
    )
