"""`cogo stop-spending`, `cogo resume-spending` and `cogo actions`."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from cogo.cli.columns.format import count_things
from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import ActionReason, All, AsJson, Dir, Limit, Since, parse_since
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_text
from protocol.records import ActionRow
from protocol.store.gateway import GatewayStore

_NOT_SHOWN: Final = 200
"""Characters of a change from which on a table is cut; --json shows all."""


def stop_spending(
    *,
    reason: ActionReason = None,
    cancel_running: Annotated[
        bool, typer.Option("--cancel-running", help="Abort the calls under way, too.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Stop all spending at once: no call to a model begins, on any machine.

    Nothing fails: tasks are accepted and wait until `cogo resume-spending`. Calls under way end,
    unless --cancel-running aborts them; their work is queued again and counts no failure.

    Examples:
        cogo stop-spending --reason 'a loop since noon'
        cogo stop-spending --cancel-running
    """
    done = run_with_store(
        directory,
        lambda store: store.stop_spending(reason=reason, cancel_running=cancel_running),
    )
    if as_json:
        print_json(done)
        return
    print_text(done.describe() if not done.is_new else "spending is stopped")
    if done.aborted:
        print_text(f"{count_things(done.aborted, 'call')} aborted; their work waits")
    if done.running:
        print_text(
            f"{count_things(done.running, 'call')} under way: they end by themselves, or at once "
            "with --cancel-running"
        )
    print_text("`cogo resume-spending` lets the work go on")


def resume_spending(
    *, reason: ActionReason = None, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Resume spending after `cogo stop-spending`.

    What waited goes on.

    Examples:
        cogo resume-spending --reason 'the loop is fixed'
    """
    resumed = run_with_store(directory, lambda store: store.resume_spending(reason=reason))
    if as_json:
        print_json({"resumed": resumed})
    else:
        print_text("spending is resumed" if resumed else "spending was not stopped")


def list_actions(
    *,
    who: Annotated[
        str | None, typer.Option("--who", help="Only of this one, as the list shows it.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="Only of this kind: lane, owner, model, budget, key and so on."
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only about this, such as a lane.")
    ] = None,
    since: Since = None,
    limit: Limit = 50,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List what operators did, the newest first.

    Every change of a control is listed with what it was before and is after, also one by plain SQL;
    and what operators did to tasks not their own.

    Examples:
        cogo actions
        cogo actions --kind lane --subject claude-sonnet-5-5
        cogo actions --who cli:ann@laptop --since 7d --json
    """
    moment = parse_since(since)

    async def read(store: GatewayStore) -> tuple[list[ActionRow], bool]:
        return await read_pages(
            lambda count, last: store.find_actions(
                limit=count,
                before=None if last is None else last.id,
                who=who,
                kind=kind,
                subject=subject,
                since=moment,
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )

    found, has_more = run_with_store(directory, read)
    print_rows(
        found,
        ("WHEN", "WHO", "KIND", "SUBJECT", "CHANGE", "REASON"),
        _action_cells,
        as_json=as_json,
        empty="no operator has done anything in this period",
        drop=("REASON", "WHO"),
    )
    print_more(len(found), has_more=has_more)


def _action_cells(action: ActionRow) -> tuple[str, ...]:
    return (
        f"{action.at:%Y-%m-%d %H:%M:%S}",
        action.who,
        action.kind,
        action.subject,
        describe_change(action.before, action.after),
        action.reason or "-",
    )


def describe_change(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """Return what has changed, such as `paused: false -> true`."""
    if before is None or after is None:
        sign, values = ("-", before) if after is None else ("+", after)
        parts = [f"{name}: {_show(value)}" for name, value in (values or {}).items() if value]
        text = f"{sign} {', '.join(parts)}".strip()
    else:
        parts = [f"{name}: {_show(before.get(name))} -> {_show(after[name])}" for name in after]
        text = ", ".join(parts)
    return text if len(text) <= _NOT_SHOWN else text[:_NOT_SHOWN] + "..."


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
