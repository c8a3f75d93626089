"""`cogo keys` and `cogo console`: API keys of the gateway, and sign-in links for its console."""

from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.ids import choose_only
from cogo.cli.listing import print_rows
from cogo.cli.options import AsJson, Dir, parse_duration
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.config.local_gateway import create_sign_in_link, read_local_gateway
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line
from gateway.auth.keys import generate_key, hash_key
from gateway.auth.principal import CONSOLE_SCOPES, Scope
from protocol.ids import utc_now
from protocol.records import ApiKey, NewApiKey
from protocol.store.gateway import GatewayStore

_DEFAULT_SCOPES: Final = (Scope.TASKS_READ, Scope.TASKS_WRITE, Scope.MODELS_READ)

KeyId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the key as `cogo keys` shows it, or its start.")
]


def list_keys(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List API keys.

    Also shows their state, owner, scopes and last use. Sign-in links and sessions of the console
    are left out once they are used or expired.

    Examples:
        cogo keys list
        cogo keys --json
    """
    known = run_with_store(directory, lambda store: store.fetch_api_keys())
    print_rows(
        [each for each in known if each.usable or CONSOLE_SCOPES.isdisjoint(each.scopes)],
        ("ID", "NAME", "STATE", "OWNER", "LAST USED", "SCOPES"),
        _cells,
        as_json=as_json,
        empty="no keys; `cogo keys create` makes one",
        drop=("OWNER", "LAST USED"),
    )


def create_key(
    *,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scopes: Annotated[
        list[Scope] | None,
        typer.Option(
            "--scope",
            help="What the key may do; repeatable (default: read and write tasks, read models).",
        ),
    ] = None,
    owner: Annotated[
        UUID | None, typer.Option(help="User for whom the key acts (default: no owner).")
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Project to whose tasks the key is restricted.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Lifetime, such as 90d, 12h or 30m (default: unlimited).")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it.

    It cannot be shown again: the database stores only its hash.

    Examples:
        cogo keys create --name laptop
        cogo keys create --name dashboard --scope tasks:read --expires 90d
        cogo keys create --name anna --owner 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c    # acts for her
        cogo keys create --name website --project website
    """
    key_id, key = generate_key()
    new = NewApiKey(
        id=key_id,
        hash=hash_key(key),
        name=name,
        scopes=[each.value for each in scopes or _DEFAULT_SCOPES],
        owner=owner,
        project=project,
        expires_at=utc_now() + parse_duration(expires) if expires else None,
    )
    stored = run_with_store(directory, lambda store: store.create_api_key(new))
    _print_created(key, stored, as_json=as_json)


def rotate_key(
    *,
    key_id: KeyId,
    grace: Annotated[
        str, typer.Option(help="How long the old key stays valid, such as 1h or 10m.")
    ] = "0s",
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Replace an API key.

    The new key has the same name, scopes, owner and lifetime.

    Examples:
        cogo keys rotate 3fa85f64 --grace 1h
    """
    new_id, key = generate_key()
    seconds = int(parse_duration(grace).total_seconds())

    async def replace(store: GatewayStore) -> ApiKey:
        old = await _find_key(store, key_id)
        lifetime = old.expires_at - old.created_at if old.expires_at else None
        return await store.create_api_key(
            NewApiKey(
                id=new_id,
                hash=hash_key(key),
                name=old.name,
                scopes=old.scopes,
                owner=old.owner,
                project=old.project,
                expires_at=utc_now() + lifetime if lifetime else None,
                replaces=old.id,
                grace_seconds=seconds,
            )
        )

    _print_created(key, run_with_store(directory, replace), as_json=as_json)


def revoke_key(*, key_id: KeyId, directory: Dir = None, as_json: AsJson = False) -> None:
    """Revoke an API key.

    Gateways notice within ten seconds.

    Examples:
        cogo keys revoke 3fa85f64
    """

    async def revoke(store: GatewayStore) -> ApiKey:
        return await store.revoke_api_key(key_id=(await _find_key(store, key_id)).id)

    found = run_with_store(directory, revoke)
    if as_json:
        print_json(found)
    else:
        print_line(f"{found.id}  revoked")


def print_local_key(*, directory: Dir = None) -> None:
    """Print this machine's API key.

    `cogo up` created it for the user who started it. It has all rights. It is stored in
    gateway.json in the state directory, which no other user can read.

    Examples:
        cogo keys local
        curl -H "Authorization: Bearer $(cogo keys local)" http://localhost:8000/tasks
    """
    found = read_local_gateway(Project.find(directory).home)
    if found is None or found.key is None:
        raise CommandError("`cogo up` has created no key here: start it, or use `cogo keys create`")
    print_line(found.key)


def print_console_link(*, directory: Dir = None) -> None:
    """Print a sign-in link for the console.

    It works once, within 15 minutes.

    Examples:
        cogo console
        xdg-open "$(cogo console)"
    """
    project = Project.find(directory)
    found = read_local_gateway(project.home)
    if found is None:
        raise CommandError("no gateway was started from here: `cogo up` starts one")
    url = found.url
    print_line(run_with_store(project, lambda store: create_sign_in_link(store, url)))


async def _find_key(store: GatewayStore, text: str) -> ApiKey:
    """Return the key whose id is `text`, or the only one whose id begins with it."""
    keys = {each.id: each for each in await store.fetch_api_keys()}
    found = {name: f"{name}  {each.name}" for name, each in keys.items() if name.startswith(text)}
    if text not in keys:
        text = choose_only(text, found, noun="key", hint="`cogo keys list` lists them")
    return keys[text]


def _print_created(key: str, stored: ApiKey, *, as_json: bool) -> None:
    if as_json:
        print_json({"key": key, **stored.model_dump(mode="json")})
        return
    print_line(key)
    print_line(f"id {stored.id}, scopes {' '.join(stored.scopes)}", err=True)
    print_line("store it now: it cannot be shown again", err=True)


def _cells(key: ApiKey) -> tuple[str, ...]:
    return (
        key.id,
        key.name,
        "usable" if key.usable else "revoked" if key.revoked_at else "expired",
        str(key.owner or "-"),
        f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
        " ".join(key.scopes),
    )
