"""`cogo keys`: the keys of the HTTP gateway."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import typer

from cogo.cli.ids import choose
from cogo.cli.options import AsJson, Dir
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.local_gateway import read_local_gateway
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, print_table, print_text
from gateway.auth.keys import hash_of, new_key
from gateway.auth.principal import CONSOLE_SCOPES, Scope
from protocol.ids import utc_now
from protocol.records import ApiKey, NewApiKey
from protocol.store.gateway import GatewayStore

EXAMPLES: Final = {
    "list": ("cogo keys list", "cogo keys --json"),
    "create": (
        "cogo keys create --name laptop",
        "cogo keys create --name dashboard --scope tasks:read --expires 90d",
        "cogo keys create --name anna --owner 7f3c...    # asks for this user of Supabase Auth",
    ),
    "rotate": ("cogo keys rotate 3fa85f64 --grace 1h",),
    "local": (
        "cogo keys local",
        'curl -H "Authorization: Bearer $(cogo keys local)" http://localhost:8000/tasks',
    ),
    "revoke": ("cogo keys revoke 3fa85f64",),
}
DEFAULT_SCOPES: Final = (Scope.TASKS_READ, Scope.TASKS_WRITE, Scope.MODELS_READ)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_T = TypeVar("_T")

KeyId = Annotated[
    str, typer.Argument(metavar="ID", help="The key's id, as `cogo keys` shows it, or its start.")
]


def list_(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the keys: whose they are, what they may, until when, when they were last used.

    Addresses and sessions of the console are left out once they are used, or have run out.
    """
    known = run_with_store(directory, lambda store: store.fetch_api_keys())
    found = [each for each in known if each.usable or CONSOLE_SCOPES.isdisjoint(each.scopes)]
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif not found:
        print_text("no keys yet; `cogo keys create` makes one, and so does `cogo up` for itself")
    else:
        print_table(
            ("ID", "NAME", "STATE", "OWNER", "LAST USED", "SCOPES"),
            map(_row, found),
            drop=("OWNER", "LAST USED"),
        )


def create(
    *,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scopes: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="What it may; repeat it (default: tasks and models)."),
    ] = None,
    owner: Annotated[
        UUID | None, typer.Option(help="The user for whom it asks (default: nobody's tasks).")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="After 90d, 12h, 30m (default: never).")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, once: the database keeps only its hash."""
    key_id, key = new_key()
    new = NewApiKey(
        id=key_id,
        hash=hash_of(key),
        name=name,
        scopes=[each.value for each in scopes or DEFAULT_SCOPES],
        owner=owner,
        expires_at=utc_now() + _duration(expires) if expires else None,
    )
    _show(key, run_with_store(directory, lambda store: store.create_api_key(new)), as_json=as_json)


def rotate(
    *,
    key_id: KeyId,
    grace: Annotated[
        str, typer.Option(help="For how long the old one still works: 1h, 10m.")
    ] = "0s",
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key by a new one with the same name, scopes, owner and lifetime."""
    new_id, key = new_key()
    seconds = int(_duration(grace).total_seconds())

    async def replace(store: GatewayStore) -> ApiKey:
        old = await _find(store, key_id)
        lifetime = old.expires_at - old.created_at if old.expires_at else None
        return await store.create_api_key(
            NewApiKey(
                id=new_id,
                hash=hash_of(key),
                name=old.name,
                scopes=old.scopes,
                owner=old.owner,
                expires_at=utc_now() + lifetime if lifetime else None,
                replaces=old.id,
                grace_seconds=seconds,
            )
        )

    _show(key, run_with_store(directory, replace), as_json=as_json)


def revoke(*, key_id: KeyId, directory: Dir = None, as_json: AsJson = False) -> None:
    """End a key for good; gateways notice within ten seconds."""

    async def end(store: GatewayStore) -> ApiKey:
        return await store.revoke_api_key(key_id=(await _find(store, key_id)).id)

    found = run_with_store(directory, end)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_line(f"{found.id}  revoked")


async def _find(store: GatewayStore, text: str) -> ApiKey:
    """Return the key whose id is `text`, or the only one whose id begins so."""
    keys = {each.id: each for each in await store.fetch_api_keys()}
    found = {name: f"{name}  {each.name}" for name, each in keys.items() if name.startswith(text)}
    if text not in keys:
        text = choose(text, found, noun="key", hint="`cogo keys list` lists them")
    return keys[text]


def local(*, directory: Dir = None) -> None:
    """Print the key that `cogo up` made for the owner of this machine, for use in other programs.

    It has all rights, and lies in gateway.json of the state directory, which only you can read.
    """
    found = read_local_gateway(Project.find(directory).home)
    if found is None or found.key is None:
        raise CommandError(
            "`cogo up` has made no key here: start it, or make one with `cogo keys create`"
        )
    print_line(found.key)


def run_with_store(directory: Any, work: Callable[[GatewayStore], Awaitable[_T]]) -> _T:
    """Do something with the store of the project's Supabase."""
    # Here, since --help must not pay for it.
    from protocol.transport.supabase_store import open_store  # noqa: PLC0415

    connection = find_connection(Project.find(directory))

    async def run() -> _T:
        secret = connection.secret_key.get_secret_value()
        async with open_store(connection.url, secret) as store:
            return await work(store)

    return asyncio.run(run())


def _show(key: str, stored: ApiKey, *, as_json: bool) -> None:
    if as_json:
        print_json({"key": key, **stored.model_dump(mode="json")})
        return
    print_line(key)
    print_line(f"id {stored.id}, scopes {' '.join(stored.scopes)}", err=True)
    print_line("keep it now: it cannot be shown again", err=True)


def _row(key: ApiKey) -> tuple[str, ...]:
    state = "usable" if key.usable else "revoked" if key.revoked_at else "expired"
    return (
        key.id,
        key.name,
        state,
        str(key.owner or "-"),
        f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
        " ".join(key.scopes),
    )


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if found is None:
        raise CommandError(f"{text!r} is no duration; examples: 90d, 12h, 30m, 10s")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
