"""`cogo sessions fork` and `forget`: copies of conversations, and their end."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import typer

from cogo.cli.options import (
    EVERYONE,
    NO_OWNER,
    AsJson,
    Dir,
    ForgetOwners,
    Owners,
    parse_owners,
    parse_since,
)
from cogo.cli.session import run_with_store
from cogo.cli.sessions.show import SessionArgument, find_session
from cogo.terminal import print_json, print_line
from protocol.errors import InvalidArgument
from protocol.records import ForgottenSessions
from protocol.store.sessions import SessionStore


def fork_session(
    *,
    session: SessionArgument,
    through: Annotated[
        int | None,
        typer.Option("--through", min=1, help="Number of a message: the copy ends with its turn."),
    ] = None,
    owner: Owners = EVERYONE,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Copy a conversation, and print the id of the copy.

    What is said in one of them afterwards is not said in the other.

    Examples:
        cogo sessions fork greetings
        cogo sessions fork 3f2a9c1e --through 1042
    """

    async def fork(store: SessionStore) -> UUID:
        row = await find_session(store, session, owner)
        return await store.fork_session(owner=row.owner, session_id=row.id, through=through)

    made = run_with_store(directory, fork)
    if as_json:
        print_json({"session_id": str(made)})
    else:
        print_line(str(made))


def forget_sessions(
    *,
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="SESSION", help="Names or ids, or the beginnings of ids."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", help="Without a message for 30d, 6h, or since a date."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of that owner.")] = False,
    owner: ForgetOwners = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count them; delete nothing.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Delete conversations, with their messages and summaries.

    Their tasks stay, with prompts and answers; `cogo tasks` lists them.

    Examples:
        cogo sessions forget greetings
        cogo sessions forget --older-than 30d --owner all --dry-run
    """
    if not (sessions or older_than or everything):
        raise InvalidArgument(
            "nothing is selected", hint="name a session, --older-than SPAN or --all"
        )
    among = EVERYONE if owner is None else owner
    whose, everybody = parse_owners(NO_OWNER if owner is None else owner)
    before: datetime | Literal["infinity"] | None = parse_since(older_than, option="--older-than")
    if before is None and not sessions:
        before = "infinity"

    async def forget(store: SessionStore) -> ForgottenSessions:
        if not sessions:
            return await store.forget_sessions(
                owner=whose, every_owner=everybody, before=before, dry_run=dry_run
            )
        rows = [await find_session(store, each, among) for each in sessions]
        gone = [
            await store.forget_sessions(
                owner=each.owner, ids=[each.id], before=before, dry_run=dry_run
            )
            for each in {each.seq: each for each in rows}.values()
        ]
        return ForgottenSessions(
            sessions=sum(each.sessions for each in gone),
            messages=sum(each.messages for each in gone),
        )

    found = run_with_store(directory, forget)
    if as_json:
        print_json(found.model_dump() | {"dry_run": dry_run})
        return
    count = "1 session" if found.sessions == 1 else f"{found.sessions} sessions"
    messages = "1 message" if found.messages == 1 else f"{found.messages} messages"
    print_line(f"{count} with {messages} {'would be deleted' if dry_run else 'deleted'}")
