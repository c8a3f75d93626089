"""`cogo sessions list` and `show`: conversations, and what was said in them."""

from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.ids import choose_only
from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import EVERYONE, All, AsJson, Dir, Limit, Owners, derive_session, parse_owners
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_line, print_text, shorten
from cogo.watch.format import mark_simulated, shorten_id
from protocol.errors import InvalidArgument, NotFound
from protocol.ids import parse_id_range
from protocol.records import SessionPage, SessionRow, StoredSessionMessage
from protocol.store.sessions import SessionStore

_PAGE: Final = 1_000
_CANDIDATES: Final = 11

SessionArgument = Annotated[
    str,
    typer.Argument(
        metavar="SESSION", help="Name as in --session of `cogo submit`, or id, or its beginning."
    ),
]


def list_sessions(
    *,
    owner: Owners = EVERYONE,
    limit: Limit = 50,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List conversations, the newest first.

    Examples:
        cogo sessions
        cogo sessions list --owner none --json
    """
    whose, everybody = parse_owners(owner)

    async def read(store: SessionStore) -> tuple[list[SessionRow], bool]:
        return await read_pages(
            lambda count, last: store.fetch_sessions(
                limit=count,
                owner=whose,
                every_owner=everybody,
                before=None if last is None else last.seq,
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )

    found, has_more = run_with_store(directory, read)
    print_rows(
        found,
        ("ID", "LAST", "MESSAGES", "OWNER", "TITLE"),
        _cells,
        as_json=as_json,
        empty="there are no conversations; `cogo submit --session NAME` begins one",
        drop=("OWNER", "LAST"),
        brief=True,
    )
    print_more(len(found), has_more=has_more)


def show_session(
    *,
    session: SessionArgument,
    owner: Owners = EVERYONE,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Show at most this many messages, the newest.")
    ] = 50,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show what was said in a conversation, the newest at the end, and its summary.

    The number before a message is that of `cogo sessions fork --through`.

    Examples:
        cogo sessions show greetings
        cogo sessions show 3f2a9c1e --limit 10 --json
    """

    async def read(store: SessionStore) -> SessionPage:
        row = await find_session(store, session, owner)
        return await _read_messages(store, row, None if every else limit)

    page = run_with_store(directory, read)
    if as_json:
        print_json(page)
        return
    if page.summary is not None:
        made = mark_simulated(page.summary.model_id or "a model", simulated=page.summary.simulated)
        print_text(f"Summary up to message {page.summary.through}, by {made}:")
        print_text(page.summary.content, indent=2)
        print_line()
    for each in reversed(page.messages):
        print_text(f"{each.seq}  {each.role}{_describe_calls(each)}")
        print_text(each.content, indent=2)
    if page.is_more:
        print_text(
            f"(the newest {len(page.messages)} messages; use --limit N for more, --all for all)",
            err=True,
        )


async def find_session(store: SessionStore, text: str, owner: str = EVERYONE) -> SessionRow:
    """Return the session that a text names: its id, the beginning of it, or its name.

    Raises NotFound if there is none, InvalidArgument if there are several.
    """
    whose, everybody = parse_owners(owner)

    async def search(first: UUID, last: UUID) -> dict[int, SessionRow]:
        rows = await store.find_sessions(
            first=first, last=last, limit=_CANDIDATES, every_owner=everybody, owner=whose
        )
        return {each.seq: each for each in rows}

    try:
        found = await search(*parse_id_range(text))
    except InvalidArgument:
        found = {}
    if not found:
        named = derive_session(text)
        found = await search(named, named)
    if not found:
        raise NotFound(
            f"there is no session {text[:60]!r}", hint="`cogo sessions` lists those that there are"
        )
    lines = {seq: f"{each.id}  {_describe_owner(each)}" for seq, each in found.items()}
    return found[choose_only(text, lines, noun="session", hint="name one with --owner")]


async def _read_messages(store: SessionStore, row: SessionRow, limit: int | None) -> SessionPage:
    """Read the newest messages, or all."""
    whole: SessionPage | None = None
    while True:
        shown = 0 if whole is None else len(whole.messages)
        page = await store.read_session(
            owner=row.owner,
            session_id=row.id,
            before=None if whole is None or not whole.messages else whole.messages[-1].seq,
            limit=_PAGE if limit is None else min(_PAGE, limit - shown),
        )
        if page is None:
            raise NotFound(f"the session {row.id} was deleted meanwhile")
        if whole is None:
            whole = page
        else:
            messages = [*whole.messages, *page.messages]
            whole = whole.model_copy(update={"messages": messages, "is_more": page.is_more})
        if not page.is_more or (limit is not None and len(whole.messages) >= limit):
            return whole


def _describe_calls(message: StoredSessionMessage) -> str:
    """Return the tools that were called for an answer, in brackets."""
    stored = message.exchange if isinstance(message.exchange, list) else []
    names = [
        str(call.get("name"))
        for each in stored
        if isinstance(each, dict) and isinstance(calls := each.get("tool_calls"), list)
        for call in calls
        if isinstance(call, dict)
    ]
    return f"  (called {', '.join(dict.fromkeys(names))})" if names else ""


def _describe_owner(row: SessionRow) -> str:
    return f"of {row.owner}" if row.owner else "of nobody"


def _cells(row: SessionRow) -> tuple[str, ...]:
    last = row.last_message_at or row.created_at
    return (
        shorten_id(row.id),
        f"{last:%Y-%m-%d %H:%M}",
        str(row.messages),
        shorten_id(row.owner) if row.owner else "none",
        shorten(row.title or "", 60),
    )
