"""The gateway that `cogo up` started: its address, and the key of the user who started it."""

import json
import socket
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Final

from embedded.private_files import read_json_object, write_private
from gateway.auth.keys import generate_key, hash_key, parse_key_id
from gateway.auth.principal import Scope
from protocol.ids import utc_now
from protocol.records import NewApiKey
from protocol.store.gateway import GatewayStore

FILE_NAME: Final = "gateway.json"
_TOKEN_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalGateway:
    """The content of gateway.json, which only its owner can read."""

    url: str
    key: str | None
    """Has the scope `admin`; None if none was needed so far."""

    def __repr__(self) -> str:
        """Return a representation without the key, for logs."""
        return f"LocalGateway(url={self.url!r})"


def read_local_gateway(home: Path) -> LocalGateway | None:
    """Return what the last `cogo up` of this state directory wrote, or None."""
    stored = read_json_object(home / FILE_NAME)
    if stored is None:
        return None
    try:
        return LocalGateway(**{field.name: stored[field.name] for field in fields(LocalGateway)})
    except KeyError:
        return None


async def write_local_gateway(
    home: Path, store: GatewayStore, url: str, *, is_keyless: bool
) -> LocalGateway:
    """Write the address with the present key if it is still valid, else with a new one."""
    known = read_local_gateway(home)
    key = None if known is None else known.key
    if not is_keyless and (key is None or not await _is_valid(store, key)):
        key = await _create_key(store)
    found = LocalGateway(url=url, key=key)
    write_private(home / FILE_NAME, json.dumps(asdict(found), indent=2) + "\n")
    return found


async def create_sign_in_link(store: GatewayStore, url: str) -> str:
    """Return a sign-in link for the console at `url`, valid once and for 15 minutes."""
    key_id, token = generate_key()
    await store.create_api_key(
        NewApiKey(
            id=key_id,
            hash=hash_key(token),
            name=f"console address of {socket.gethostname()}",
            scopes=[Scope.CONSOLE_OPEN],
            expires_at=utc_now() + _TOKEN_LIFETIME,
        )
    )
    return f"{url}/#token={token}"  # browsers do not send the part after #


async def _is_valid(store: GatewayStore, key: str) -> bool:
    found = await store.check_api_key(key_id=parse_key_id(key), key_hash=hash_key(key))
    return found is not None and Scope.ADMIN in found.scopes


async def _create_key(store: GatewayStore) -> str:
    key_id, key = generate_key()
    name = f"made at start on {socket.gethostname()}"
    await store.create_api_key(
        NewApiKey(id=key_id, hash=hash_key(key), name=name, scopes=[Scope.ADMIN])
    )
    return key
