"""Where the gateway of `cogo up` is, and the key that this machine's owner uses for it."""

import json
import socket
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Final

from embedded.private_files import read_json_object, write_private
from gateway.auth.keys import hash_of, id_of, new_key
from gateway.auth.principal import Scope
from protocol.ids import utc_now
from protocol.records import NewApiKey
from protocol.store.gateway import GatewayStore

FILE_NAME: Final = "gateway.json"
TOKEN_LASTS: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalGateway:
    """The content of the file, which only its owner can read."""

    url: str
    key: str | None
    """With the scope `admin`; None: none was needed so far."""

    def __repr__(self) -> str:
        """Return a text without the key, for logs."""
        return f"LocalGateway(url={self.url!r})"


def read_local_gateway(home: Path) -> LocalGateway | None:
    """Read what the last `cogo up` of this state directory wrote."""
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
    """Write the address, with the key that is there if it still works, else with a new one."""
    known = read_local_gateway(home)
    key = None if known is None else known.key
    if not is_keyless and (key is None or not await _works(store, key)):
        key = await _create_key(store)
    found = LocalGateway(url=url, key=key)
    write_private(home / FILE_NAME, json.dumps(asdict(found), indent=2) + "\n")
    return found


async def create_console_address(store: GatewayStore, url: str) -> str:
    """Return an address of the console at `url` that lets one browser in within 15 minutes."""
    key_id, token = new_key()
    await store.create_api_key(
        NewApiKey(
            id=key_id,
            hash=hash_of(token),
            name=f"console address of {socket.gethostname()}",
            scopes=[Scope.CONSOLE_OPEN],
            expires_at=utc_now() + TOKEN_LASTS,
        )
    )
    return f"{url}/#token={token}"  # after a #, since browsers send that part to nobody


async def _works(store: GatewayStore, key: str) -> bool:
    found = await store.check_api_key(key_id=id_of(key), key_hash=hash_of(key))
    return found is not None and Scope.ADMIN in found.scopes


async def _create_key(store: GatewayStore) -> str:
    key_id, key = new_key()
    name = f"made at start on {socket.gethostname()}"
    await store.create_api_key(
        NewApiKey(id=key_id, hash=hash_of(key), name=name, scopes=[Scope.ADMIN])
    )
    return key
