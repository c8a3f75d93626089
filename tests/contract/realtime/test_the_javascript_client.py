"""Realtime through supabase-js, in both serializers."""

import asyncio
import json
import secrets
from typing import Any

import asyncpg
import pytest

from tests.contract.realtime.conftest import ALICE, Server
from tests.support.node import run_node
from tests.support.servers.contract_target import Target

pytestmark = pytest.mark.usefixtures("javascript_folder")

_SCHEMA = """
create table if not exists js_cats (
  id bigint generated always as identity primary key, run text not null, name text
);
grant all on js_cats to service_role;
create or replace function js_shout(p_topic text, p_text text) returns void
  language sql set search_path = ''
  as $$ select realtime.send(jsonb_build_object('text', p_text), 'shout', p_topic, true) $$;
revoke execute on function js_shout(text, text) from public;
grant execute on function js_shout(text, text) to service_role;
drop policy if exists "js own topic" on realtime.messages;
create policy "js own topic" on realtime.messages for select to authenticated
  using (realtime.topic() = 'js-' || (select auth.uid()));
notify pgrst, 'reload schema';
"""
_PUBLISH = "alter publication supabase_realtime add table js_cats"


@pytest.fixture
async def javascript_schema(contract_target: Target) -> None:
    connection = await asyncpg.connect(contract_target.db_url)
    try:
        await connection.execute(_SCHEMA)
        published = "select from pg_publication_tables where tablename = 'js_cats'"
        if not await connection.fetch(published):
            await connection.execute(_PUBLISH)
    finally:
        await connection.close()


@pytest.mark.usefixtures("javascript_schema")
@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
def test_supabase_js_gets_all_kinds_of_messages(contract_target: Target, vsn: str) -> None:
    heard: dict[str, Any] = run_node(
        "realtime.mjs",
        {
            "SUPABASE_URL": contract_target.url,
            "PUBLISHABLE_KEY": contract_target.publishable_key,
            "SECRET_KEY": contract_target.secret_key,
            "VSN": vsn,
            "RUN": secrets.token_hex(4),
        },
    )

    ok = heard["subscribed"]
    assert heard["broadcast"] == {
        "states": [ok, ok],
        "acknowledged": "ok",
        "one": [
            {"event": "hi", "payload": {"n": 1}},
            {"event": "back", "payload": {"ü": "é"}},
        ],
        "other": [{"event": "hi", "payload": {"n": 1}}],
    }
    assert heard.get("binary") == (None if vsn == "1.0.0" else [0, 1, 255])
    assert heard["httpSend"] == {
        "answer": {"success": True},
        "heard": [{"event": "http", "payload": {"n": 2}}],
    }
    assert heard["presence"]["tracked"] == "ok"
    assert heard["presence"]["state"] == ["ok"]
    assert heard["presence"]["seen"] == ["join one", "leave one", "join one", "leave one"]
    assert heard["privately"] == {
        "states": [ok, "CHANNEL_ERROR"],
        "text": "from the database",
        "hasId": True,
        "replayed": [["from the database", True]],
    }
    assert heard["changes"] == {
        "states": [ok],
        "told": [["INSERT", "Tom", None], ["UPDATE", "Kit", None]],
        "oldIsKey": '["id"]',
    }


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_supabase_js_is_notified_when_its_token_has_expired(server: Server, vsn: str) -> None:
    server.token()  # skips if none can be signed
    environment = {
        "SUPABASE_URL": server.url.removesuffix("/realtime/v1"),
        "PUBLISHABLE_KEY": server.keys.publishable,
        "SECRET_KEY": server.keys.secret,
        "VSN": vsn,
        "RUN": "expiry",
        "JWT_SECRET": server.keys.jwt_secret,
        "CLAIMS": json.dumps({"role": "authenticated", "sub": ALICE}),
    }

    heard: Any = await asyncio.to_thread(run_node, "realtime.mjs", environment)

    assert heard["expiry"][0] == [heard["subscribed"], ""]
    assert heard["expiry"][1][0] in ("CHANNEL_ERROR", "CLOSED")
