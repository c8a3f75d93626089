"""The program `cogo`: finds the command, runs it, turns errors into one sentence and a code."""

import importlib
import select
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, TextIO

import typer

from cogo.cli.commands import COMMANDS, DEFAULTS, GROUPS
from cogo.cli.registry import Command
from cogo.terminal import command_path, typed_example

DEBUG: Final = "--debug"
HELP: Final = ("-h", "--help")
_DEFECT: Final = 70
"""Exit code (EX_SOFTWARE) of an error that nobody foresaw."""


def run(arguments: Sequence[str], *, is_program: bool = False) -> int:
    """Run one command line; give the exit code.

    An error of ours is one sentence on standard error; `--debug` anywhere adds the traceback.
    Logs are configured when the process is ours alone (`is_program`).
    """
    debug = DEBUG in arguments
    if is_program and not set(HELP) & set(arguments):
        _configure_logs()
    arguments = _with_default([argument for argument in arguments if argument != DEBUG])
    try:
        build(arguments)(args=arguments, prog_name=command_path())
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # whatever broke, Typer ends with 1
            return 0 if _is_unread(sys.__stdout__) else _explain(end.__context__, debug=debug)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError as error:  # while Typer showed a usage error
        return int(getattr(error.__context__, "exit_code", _DEFECT))
    except ImportError:
        raise  # the entry point knows whose package stands in the way
    except Exception as error:  # the last boundary: errors become an exit code
        return _explain(error, debug=debug)
    return 0


def _is_unread(stream: TextIO | None) -> bool:
    """Whether nobody reads what is written to a stream."""
    if stream is None:
        return True
    poller = select.poll()
    poller.register(stream, 0)  # errors and hang-ups are told in any case
    return bool(poller.poll(0))


def _configure_logs() -> None:
    """Log warnings in plain lines; loguru's own show local variables and escape nothing."""
    # Here, since --help must not pay for pydantic.
    from cogo.config.logging import configure_logs  # noqa: PLC0415
    from cogo.config.settings import LogFormat, LogLevel  # noqa: PLC0415
    from providers.secrets import Redactor  # noqa: PLC0415

    configure_logs(level=LogLevel.WARNING, form=LogFormat.PLAIN, redactor=Redactor(places=True))


def _with_default(arguments: list[str]) -> list[str]:
    """Name the default command of a group where none is named: `tasks --json` lists."""
    default = DEFAULTS.get(arguments[0]) if arguments else None
    rest = arguments[1:]
    if default is None or (rest and (not rest[0].startswith("-") or rest[0] in HELP)):
        return arguments
    return [arguments[0], default, *rest]


def build(arguments: Sequence[str]) -> typer.Typer:
    """Build the program; only commands that `arguments` name are imported."""
    program = _group("Event-driven AI workers on Supabase: insert a task, watch the answer.")
    program.callback()(_options)
    groups = {name: _group(summary) for name, summary in GROUPS.items()}
    for name, group in groups.items():
        program.add_typer(group, name=name)
    for command in COMMANDS:
        owner = program if command.group is None else groups[command.group]
        if command.name in arguments and command.group in (None, arguments[0]):
            owner.command(command.name, epilog=_examples(command))(_load(command))
        else:
            owner.command(command.name, help=command.summary)(_unused)
    return program


def _group(summary: str) -> typer.Typer:
    return typer.Typer(
        help=summary,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich costs a tenth of a second, and help is read by scripts too
        context_settings={"help_option_names": list(HELP)},
    )


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only for this answer

        typer.echo(f"cogo {version('cogo')}")
        raise typer.Exit


def _options(
    *,
    _debug: Annotated[
        bool, typer.Option(DEBUG, help="Show the traceback of an error; works anywhere.")
    ] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Event-driven AI workers on Supabase: insert a task, watch the answer."""


def _unused() -> None:
    """Stands for a command that the command line does not name."""


def _load(command: Command) -> Callable[..., None]:
    function: Callable[..., None] = getattr(
        importlib.import_module(command.module), command.function
    )
    return function


def _examples(command: Command) -> str:
    lines = importlib.import_module(command.module).EXAMPLES
    chosen = lines[command.name] if isinstance(lines, Mapping) else lines
    return "\b\nExamples:\n" + "\n".join(f"  {typed_example(line)}" for line in chosen)


def _explain(error: Exception, *, debug: bool) -> int:
    # Here, since --help must not pay for pydantic.
    from cogo.errors import CommandError  # noqa: PLC0415
    from cogo.terminal import print_line, print_text  # noqa: PLC0415
    from protocol.errors import CogoError  # noqa: PLC0415
    from providers.secrets import Redactor  # noqa: PLC0415

    reason = _reason(error)
    if debug:
        text = "".join(traceback.format_exception(error))
    elif isinstance(reason, CogoError):
        text = f"cogo: {reason}"
    elif isinstance(reason, OSError) and reason.strerror:
        what = f"{reason.filename}: " if reason.filename else ""
        text = f"cogo: {what}{reason.strerror} ({DEBUG} shows where)"
    else:
        text = f"cogo: unexpected {type(reason).__name__}: {reason} (run again with {DEBUG})"
    text = Redactor(places=True).redact(text).rstrip()
    if debug:
        print_line(text, err=True)
    else:
        print_text(text, err=True, indent=2)
    if isinstance(reason, CommandError):
        return reason.exit_code
    return 1 if isinstance(reason, CogoError | OSError) else _DEFECT


def _reason(error: BaseException) -> BaseException:
    """Give the first error of a group: what came after it was only stopped."""
    return _reason(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
