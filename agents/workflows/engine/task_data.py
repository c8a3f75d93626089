"""What the params of a task want of any workflow: `sources`, `response_schema`, `review`.

The sources are searched before the workflow begins. Its steps that get the conversation get what
was found, and its result names what the answer cites.

The last step of a workflow is asked for the data itself. A result that a workflow returns gets one
more step, `data`, unless it has data that follows the schema. A review is one more step too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from agents.errors import InvalidTask
from agents.memory.citing import RECALLED, list_citations, number_hits
from agents.workflows.engine.definition import Ending, Workflow, WorkflowFunction, list_mapping
from agents.workflows.engine.errors import StepFailed
from agents.workflows.engine.readers import read_answer
from agents.workflows.engine.values import Again, Answer, LastStep, Result, Review
from agents.workflows.engine.work import Step
from agents.workflows.params import Params
from agents.workflows.params.step_params import CODE_TYPES, EXTRACT_CODE, NOTES, RESPONSE_SCHEMA
from agents.workflows.prompts.talk import ASSISTANT, ask_for_data
from protocol.json_schema import check_schema, find_mismatch, is_quick
from protocol.records.memory import MAX_QUERY, MemoryHit

if TYPE_CHECKING:
    from agents.workflows.engine.definition import Workflow
    from agents.workflows.engine.run import Run

DATA: Final = "data"
"""The key of the step, and of the data in a result."""
REVIEW: Final = "review"
"""The param, the key of the step, and that of the review in a result."""
REVIEW_LIMIT: Final = timedelta(minutes=10)
"""How long a result may wait for its review."""
_CRITICS: Final = frozenset({"critic", "fast", "reviewer"})
"""Roles of participants whose words are no part of a result."""
SOURCES: Final = "sources"
"""The param, and the key of the step that searches."""
RERANK: Final = "rerank"
MAX_HITS: Final = 8
"""That models are shown."""
RERANKED: Final = 4
"""Of how many times as many a rerank model chooses them."""
CITATIONS: Final = "citations"
OWN_DATA: Final = "own_data"
"""Data of the workflow in a result whose `data` follows the schema of the task."""


def check_response_schema(params: JsonValue) -> None:
    """Raise InvalidTask if the schema of a task's params cannot be used."""
    schema = list_mapping(params).get(RESPONSE_SCHEMA)
    if schema is not None and (problem := check_schema(schema)) is not None:
        raise InvalidTask(f"params.{RESPONSE_SCHEMA}", f"params.{RESPONSE_SCHEMA}: {problem}.")


def follow_task_schema(run: "Run", step: Step[Any]) -> Step[Any]:
    """Ask a step for data of the task's schema, if there is one, unless its answer is code."""
    schema = run.params.get(RESPONSE_SCHEMA)
    if isinstance(schema, dict) and not step.is_begun and not _is_code(run, step):
        step.request["schema"] = {"name": RESPONSE_SCHEMA, "schema": schema}
    return step


async def end_as_asked(run: "Run", workflow: Workflow) -> Ending:
    """Run a workflow, and give it and its end what the task's params want."""
    if _has_sources(workflow):
        await _recall_sources(run)
    ended = await _end_with_review(run, workflow)
    match ended:
        case Result():
            return _add_citations(run, ended)
        case Again(result=Result() as result):
            return replace(ended, result=_add_citations(run, result))
        case _:
            return ended


async def _end_with_review(run: "Run", workflow: Workflow) -> Ending:
    ended = await end_with_data(run, workflow.function)
    wants_review = issubclass(workflow.params, Params) and run.params.get(REVIEW) is True
    if not wants_review or run.has_undone_work(but=ended):
        return ended
    match ended:
        case LastStep(Step(is_begun=False) as step):
            await step
            return await _add_review(run, _read_result(step))
        case Result():
            return await _add_review(run, ended)
        case Again(result=Result() as result):
            return replace(ended, result=await _add_review(run, result))
        case _:
            return ended


async def _add_review(run: "Run", result: Result) -> Result:
    """Return the result with what a model of another maker says of it; both stay as they are."""
    output, notes = {**(result.output or {})}, list[str]()
    if output.get("finish_reason") == "tool_calls":  # nothing has been answered yet
        return result
    step = run.review(REVIEW, of=str(result.text), not_by=_list_authors(run, output))
    # Nobody should wait for a finished answer because a reviewer, or who pays for it, does not.
    review = await run.settle_within(REVIEW_LIMIT, step)
    text = result.text
    if isinstance(review, StepFailed):
        error: JsonValue = {"class": review.error_class, "message": review.message}
        output[REVIEW] = {"model": None, "agrees": None, "problems": [], "error": error}
        notes.append(f"Nobody reviewed the result: {review.message}")
    else:
        output[REVIEW] = review.to_json()
        if review.is_by_author:
            notes.append("No other model was available, so the author reviewed the result.")
        # Text that has to follow a schema stays what programs can read.
        if not review.agrees and run.params.get(RESPONSE_SCHEMA) is None:
            text = f"{str(text).rstrip()}\n\n{_describe_disagreement(review)}"
    earlier = output.get("notes")
    output["notes"] = [*(earlier if isinstance(earlier, list) else []), *notes]
    return replace(result, text=text, output=output)


def _describe_disagreement(review: Review) -> str:
    listed = "\n".join(f"- {each}" for each in review.problems) or "- It does not say why."
    return f"## Review\n\n{review.model or 'Another model'} does not agree:\n\n{listed}\n"


def _list_authors(run: "Run", output: Mapping[str, Any]) -> list[str]:
    """Return the models that wrote a result: that which it names, else those of its answers.

    Those of a swarm are in its parts: also of child tasks and branches, whose steps are not here.
    """
    if isinstance(used := output.get("model_used"), str):
        return [used]
    if isinstance(parts := output.get("parts"), list) and (found := _list_writers(parts)):
        return found
    asked = [each for each in run.list_steps() if each.kind == "ask" and each.record]
    written = [each for each in asked if each.answer] or asked
    models = [read_answer(each.record).model for each in written if each.record]
    return [each for each in models if each]


def _list_writers(parts: Sequence[JsonValue]) -> list[str]:
    """Return the models of the parts that are in a result; planners only if nobody else did any.

    A role of critics, or a swarm that reviewed the work, adds nothing to it.
    """
    complete = [
        each for each in parts if isinstance(each, dict) and each.get("status") == "complete"
    ]
    written = [
        each
        for each in complete
        if each.get("role") not in _CRITICS and str(each.get("agent")).partition("/")[0] != REVIEW
    ]
    done = [
        each for each in written if each.get("role") != "strategic" or "/" in str(each.get("agent"))
    ]
    models = [each.get("model") for each in done or written]
    return list(dict.fromkeys(each for each in models if isinstance(each, str)))


async def _recall_sources(run: "Run") -> None:
    """Search the sources of the task for what it asks; a child task has what its parent found."""
    sources, given = run.params.get(SOURCES), run.params.get(RECALLED)
    if not isinstance(sources, list) or not sources:
        run.recalled = given if isinstance(given, dict) else None
        return
    names = [each for each in sources if isinstance(each, str)]
    question, rerank = _find_question(run), run.params.get(RERANK)
    count = MAX_HITS * RERANKED if rerank else MAX_HITS
    step = run.recall(SOURCES, question, names, limit=count)
    hits = await step
    stated = (step.record.output or {}).get(NOTES) if step.record else None
    notes = [str(each) for each in stated] if isinstance(stated, list) else []
    if rerank and len(hits) > 1:
        hits = await _rerank(run, question, hits, rerank, notes)
    run.recalled = {"hits": number_hits(hits[:MAX_HITS]), NOTES: list[JsonValue](notes)}


async def _rerank(
    run: "Run", question: str, hits: Sequence[MemoryHit], model: JsonValue, notes: list[str]
) -> list[MemoryHit]:
    """Return hits in the order of a rerank model; if it fails, in their own, with a note."""
    step = run.rerank(
        RERANK,
        question,
        [each.content for each in hits],
        model=model if isinstance(model, str) else None,
        top_n=MAX_HITS,
    )
    [ranked] = await run.settled(step)
    if isinstance(ranked, StepFailed):
        notes.append(f"What was found was not ranked: {ranked.message}")
        return list(hits)
    return [hits[each.place] for each in ranked]


def _has_sources(workflow: "Workflow") -> bool:
    """Return whether `sources` in the params of this type are those of memory."""
    field = workflow.params.model_fields.get(SOURCES)
    return field is not None and field.annotation == Params.model_fields[SOURCES].annotation


def _find_question(run: "Run") -> str:
    """Return what the task asks: the last turn of the user, else the prompt."""
    turns = run.params.get("messages")
    for turn in reversed(turns if isinstance(turns, list) else []):
        if isinstance(turn, dict) and turn.get("role") == "user":
            text = turn.get("content")
            if isinstance(text, str) and text.strip():
                return text[:MAX_QUERY]
    return run.prompt[:MAX_QUERY]


def _add_citations(run: "Run", result: Result) -> Result:
    """Return the result with the sources that its text cites."""
    found = list_citations(str(result.text), {RECALLED: run.recalled})
    if found is None:
        return result
    (citations, notes), output = found, dict(result.output or {})
    stated, others = output.get(NOTES), output.get(CITATIONS)
    own = stated if isinstance(stated, list) else []
    output[CITATIONS] = [*citations, *(others if isinstance(others, list) else [])]
    output[NOTES] = [*own, *notes]
    return replace(result, output=output)


async def end_with_data(run: "Run", function: WorkflowFunction) -> Ending:
    """Run a workflow, and give its end the data that the task's params want."""
    ended = await function(run)
    schema = run.params.get(RESPONSE_SCHEMA)
    if not isinstance(schema, dict) or run.has_undone_work(but=ended):
        return ended
    match ended:
        case LastStep(Step(is_begun=False) as step):
            if not _answers_otherwise(run, step, schema):
                follow_task_schema(run, step)
                return ended
            await step
            return await _add_data(run, _read_result(step), schema)
        case Result():
            return await _add_data(run, ended, schema)
        case Again(result=Result() as result):
            return replace(ended, result=await _add_data(run, result, schema))
        case _:
            return ended


def _answers_otherwise(run: "Run", step: Step[Any], schema: Mapping[str, Any]) -> bool:
    """Return whether the answer of a step is code, or data of another schema."""
    has_other = step.request.get("schema") is not None and not _is_asked_for(step, schema)
    return has_other or _is_code(run, step)


def _is_code(run: "Run", step: Step[Any]) -> bool:
    extracts = list_mapping(step.request.get("params")).get(EXTRACT_CODE) is True
    return extracts or run.brief.type in CODE_TYPES


def _is_asked_for(step: Step[Any], schema: Mapping[str, Any]) -> bool:
    asked = step.request.get("schema")
    return isinstance(asked, dict) and asked.get("schema") == schema


def _read_result(step: Step[Any]) -> Result:
    answer = read_answer(step.record) if step.record else Answer(text="")
    return Result(answer.text, output=answer.output)


async def _add_data(run: "Run", result: Result, schema: Mapping[str, Any]) -> Result:
    """Return the result with data that follows the schema; at first, ask a model for it."""
    try:
        output = to_jsonable_python(dict(result.output or {}))
    except (TypeError, ValueError):  # the result cannot be stored, which is said elsewhere
        return result
    own = output.get(DATA)
    if DATA in output and (_was_given(run, own, schema) or _follows(own, schema)):
        return result
    prompt = ask_for_data(run.prompt, str(result.text), own)
    step = run.ask(DATA, prompt, system=ASSISTANT)
    step.request["schema"] = {"name": RESPONSE_SCHEMA, "schema": dict(schema)}
    answer = await step
    kept = {OWN_DATA: own} if DATA in output else {}
    return replace(result, output={**output, **kept, DATA: answer.output.get(DATA)})


def _was_given(run: "Run", data: JsonValue, schema: Mapping[str, Any]) -> bool:
    """Return whether a step gave this data for this schema: then it was checked."""
    return any(
        (step.record.output or {}).get(DATA) == data
        for step in run.list_steps()
        if step.record is not None and _is_asked_for(step, schema)
    )


def _follows(data: JsonValue, schema: Mapping[str, Any]) -> bool:
    return is_quick(schema, data) and find_mismatch(schema, data) is None
