"""`cogo workflows play`: a workflow against scripted answers, in a terminal, without a server."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.workflows.engine import (
    Advance,
    Finished,
    FlowFailed,
    HandedOver,
    Repeats,
    StepRequest,
    Suspended,
)
from cogo.cli.options import AsJson, Dir
from cogo.cli.workflows.find import limit_workflow, load_workflow
from cogo.config.context import Project
from cogo.errors import CommandError, UsageError
from cogo.terminal import print_json, print_line, print_text, shorten
from cogo.testing import Answers, NotDeterministic, Played, Unanswered, play, suggest_answer
from protocol.json_values import parse_json


def play_workflow(
    *,
    task_type: Annotated[str, typer.Argument(metavar="TYPE", help="Type of the task.")],
    script: Annotated[
        Path | None,
        typer.Option(help="TOML file with [answers] and [decisions].", exists=True, dir_okay=False),
    ] = None,
    prompt: Annotated[str, typer.Option(help="Prompt of the task.")] = "Do it.",
    param: Annotated[
        list[str] | None, typer.Option(help="A param as NAME=VALUE; the value may be JSON.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Python file with the workflow.", exists=True, dir_okay=False),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write a script to begin with to this file.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Play a workflow against scripted answers.

    Nothing is called and nothing is stored. Each time the workflow waits, what it asks for is
    printed. With `--write`, steps without an answer get one that you can edit.

    Examples:
        cogo workflows play GENERATE_CODE --write answers.toml
        cogo workflows play GENERATE_CODE --script answers.toml --prompt "Write is_prime(n)."
        cogo workflows play REPORT --file flows.py --script answers.toml --param days=7
    """
    if write is not None and write.exists():
        raise CommandError(f"{write} exists; name a new file, or edit it and use --script {write}")
    sections = _read_script(script)
    suggested: dict[str, Any] = {}
    answers: Answers = sections["answers"]
    if write is not None:
        answers = _Suggesting(sections["answers"], suggested)
    params = _parse_params(param or [])
    try:
        with limit_workflow() as advanced:

            def watch(outcome: Advance) -> None:
                advanced()
                if not as_json:
                    _print_outcome(outcome)

            workflow = load_workflow(Project.find(directory), task_type, file)
            advanced()
            played = play(
                workflow,
                prompt=prompt,
                params=params,
                answers=answers,
                decisions=sections["decisions"],
                watch=watch,
            )
    except Unanswered as error:
        line = _format_entry(error.request.key, suggest_answer(error.request))
        raise CommandError(
            f"step {error.request.key!r} ({error.request.kind}) has no answer; "
            f"add to [answers] of the script: {line}"
        ) from error
    except (NotDeterministic, TypeError) as error:
        raise CommandError(str(error)) from error
    if write is not None:
        _write_script(write, sections["answers"] | suggested, sections["decisions"])
    _print_end(played, notes=workflow.list_notes(params), as_json=as_json)


class _Suggesting(Mapping[str, Any]):
    """The answers of a script, and suggestions for the steps that have none."""

    def __init__(self, answers: Mapping[str, Any], suggested: dict[str, Any]) -> None:
        self._answers = answers
        self._suggested = suggested

    def __getitem__(self, key: str) -> Any:
        return self._answers.get(key, self._suggest)

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def _suggest(self, request: StepRequest) -> Any:
        self._suggested[request.key] = answer = suggest_answer(request)
        return answer


def _read_script(script: Path | None) -> dict[str, dict[str, Any]]:
    if script is None:
        return {"answers": {}, "decisions": {}}
    try:
        content = tomllib.loads(script.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{script} cannot be read: {error}") from error
    unknown = sorted(content.keys() - {"answers", "decisions"})
    sections = {name: content.get(name, {}) for name in ("answers", "decisions")}
    if unknown or not all(isinstance(each, dict) for each in sections.values()):
        raise CommandError(f"{script} must have the tables [answers] and [decisions] only")
    return sections


def _parse_params(params: list[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for each in params:
        name, equals, text = each.partition("=")
        if not name or not equals:
            raise UsageError(f"--param {each} must be NAME=VALUE, such as --param days=7")
        try:
            parsed[name] = parse_json(text)
        except ValueError:  # a word without quotes
            parsed[name] = text
    return parsed


def _print_outcome(outcome: Advance) -> None:
    if not isinstance(outcome, Suspended):
        return
    for step in outcome.steps:
        print_text(f"asks  {_describe_step(step)}", indent=6)
    for key in outcome.cancel:
        print_line(f"drops {key}: another one was first")
    waits = f" {outcome.wait} of" if len(outcome.awaits) > 1 else ""
    print_text(f"waits for{waits} {', '.join(outcome.awaits)}", indent=6)


def _describe_step(step: StepRequest) -> str:
    asked = step.request
    what = asked.get("prompt") or asked.get("question") or asked.get("command") or ""
    for name in ("files", "until", "name"):
        value = asked.get(name)
        if not what and value:
            what = ", ".join(value) if isinstance(value, dict) else value
    who = asked.get("model") or step.role or asked.get("type") or ""
    return f"{step.key}  {step.kind}{f' ({who})' if who else ''}: {shorten(str(what), 80)}"


def _print_end(played: Played, *, notes: list[str], as_json: bool) -> None:
    if as_json:
        print_json(
            {"outcome": played.outcome, "steps": played.steps, "text": played.text,
             "output": played.output, "notes": notes}
        )  # fmt: skip
    else:
        for note in notes:
            print_line(note)
        match played.outcome:
            case FlowFailed() as failed:
                print_text(f"failed ({failed.error_class}): {failed.message}", indent=2)
            case HandedOver(step=step):
                print_text(f"ends with {_describe_step(step)}", indent=2)
            case Repeats(at=at):
                print_line(f"finished, and again {f'at {at}' if at else 'at once'}")
            case Finished():
                print_line("finished")
        if played.text is not None:
            print_text(played.text)
    if played.text is None:
        raise typer.Exit(1)


def _write_script(file: Path, answers: Mapping[str, Any], decisions: Mapping[str, Any]) -> None:
    lines = [
        "# Answers by key of the step; a list answers draft, draft#2 ... in turn.",
        "[answers]",
    ]
    lines += [_format_entry(key, answer) for key, answer in answers.items()]
    lines += ["", "[decisions]", *(_format_entry(key, each) for key, each in decisions.items())]
    try:
        file.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error


def _format_entry(key: str, value: Any) -> str:
    """Return a line of TOML."""
    return f"{json.dumps(key)} = {_format_value(value)}"


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(_format_entry(key, each) for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format_value, value))}]"
    return json.dumps(value)
