"""Keys of the gateway, as clients send them."""

from typing import Any

from gateway.auth.keys import generate_key, hash_key
from protocol.records import NewApiKey
from protocol.transport.supabase_store import SupabaseStore


async def a_key(store: SupabaseStore, *scopes: str, **fields: Any) -> dict[str, str]:
    key_id, key = generate_key()
    new = {"id": key_id, "hash": hash_key(key), "name": "test", "scopes": list(scopes)}
    await store.create_api_key(NewApiKey.model_validate(new | fields))
    return {"Authorization": f"Bearer {key}"}
