"""The program `cogo`: runs the command and turns errors into a sentence and an exit code."""

import select
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Final, TextIO

import typer

from cogo.cli.command import split_help
from cogo.cli.commands import COMMANDS, GROUPS
from cogo.terminal import command_path, expand_example, print_line, print_text

DEBUG: Final = "--debug"
HELP: Final = ("-h", "--help")
_DEFECT: Final = 70
"""Exit code (EX_SOFTWARE) of an unexpected error."""
_SUMMARY: Final = "Run AI tasks on Supabase: insert a task, read its result."


def run(arguments: Sequence[str], *, is_program: bool = False) -> int:
    """Run a command line and return its exit code.

    An expected error is one sentence on standard error; `--debug` anywhere adds the traceback.
    Logging is configured only if this is the whole program (`is_program`).
    """
    debug = DEBUG in arguments
    if is_program and not set(HELP) & set(arguments):
        _configure_logs()
    arguments = _insert_default([argument for argument in arguments if argument != DEBUG])
    try:
        build(arguments)(args=arguments, prog_name=command_path())
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer exits with 1 for any of them
            return 0 if _is_unread(sys.__stdout__) else _explain(end.__context__, debug=debug)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError as error:  # while Typer showed a usage error
        return int(getattr(error.__context__, "exit_code", _DEFECT))
    except ImportError:
        raise  # the entry point names the conflicting package
    except Exception as error:  # the last boundary: errors become an exit code
        return _explain(error, debug=debug)
    return 0


def _is_unread(stream: TextIO | None) -> bool:
    """Return whether the reader of a stream is gone."""
    if stream is None:
        return True
    poller = select.poll()
    poller.register(stream, 0)  # errors and hang-ups are always reported
    return bool(poller.poll(0))


def _configure_logs() -> None:
    """Log warnings as plain lines; the default of loguru shows local variables, unescaped."""
    # Imported here because --help does not need pydantic, which is slow to import.
    from cogo.config.logging import configure_logs, is_configured  # noqa: PLC0415
    from cogo.config.settings import LogFormat, LogLevel  # noqa: PLC0415
    from providers.secrets import Redactor  # noqa: PLC0415

    if is_configured():  # by the parent of this fork
        return
    configure_logs(level=LogLevel.WARNING, form=LogFormat.PLAIN, redactor=Redactor(places=True))


def _insert_default(arguments: list[str]) -> list[str]:
    """Insert the default command of a group if none is named: `tasks --json` lists tasks."""
    defaults = {group.name: group.default for group in GROUPS}
    default = defaults.get(arguments[0]) if arguments else None
    rest = arguments[1:]
    if default is None or (rest and (not rest[0].startswith("-") or rest[0] in HELP)):
        return arguments
    return [arguments[0], default, *rest]


def build(arguments: Sequence[str]) -> typer.Typer:
    """Build the program, importing only the commands that `arguments` name.

    If the first is a group or a command, the others are left out, since no help shows them.
    """
    first = arguments[0] if arguments else ""
    named = [command for command in COMMANDS if first == (command.group or command.name)]
    program = _build_group(_SUMMARY)
    program.callback()(_options)
    groups = {
        group.name: _build_group(group.summary)
        for group in GROUPS
        if not named or group.name == first
    }
    for name, group in groups.items():
        program.add_typer(group, name=name)
    for command in named or COMMANDS:
        owner = groups[command.group] if command.group else program
        if command.name in arguments and command.group in ("", arguments[0]):
            function = command.load()
            text, examples = split_help(function)
            lines = "".join(f"\n  {expand_example(line)}" for line in examples)
            epilog = f"\b\nExamples:{lines}"
            settings = {"ignore_unknown_options": command.passes_options}
            owner.command(command.name, help=text, epilog=epilog, context_settings=settings)(
                function
            )
        else:
            owner.command(command.name, help=command.summary)(_skip)
    return program


def _build_group(summary: str) -> typer.Typer:
    return typer.Typer(
        help=summary,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich costs 0.1 s, and scripts read help too
        context_settings={"help_option_names": list(HELP)},
    )


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - rarely needed

        typer.echo(f"cogo {version('cogo')}")
        raise typer.Exit


def _options(
    *,
    _debug: Annotated[
        bool, typer.Option(DEBUG, help="Show the traceback of an error. May follow any command.")
    ] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Run AI tasks on Supabase: insert a task, read its result."""


def _skip() -> None:
    """Stand in for a command that the command line does not name."""


def _explain(error: Exception, *, debug: bool) -> int:
    # Imported here because --help does not need pydantic, which is slow to import.
    from cogo.errors import CommandError, UsageError  # noqa: PLC0415
    from protocol.errors import CogoError, InvalidArgument, OutOfRange  # noqa: PLC0415
    from providers.secrets import Redactor  # noqa: PLC0415

    reason = _find_first(error)
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
    if isinstance(reason, InvalidArgument | OutOfRange):  # here or by the database
        return UsageError.exit_code
    return 1 if isinstance(reason, CogoError | OSError) else _DEFECT


def _find_first(error: BaseException) -> BaseException:
    """Return the first error of a group, which cancelled the other tasks."""
    return _find_first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
