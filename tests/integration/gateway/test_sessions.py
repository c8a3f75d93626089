"""Sessions over HTTP."""

from uuid import UUID, uuid4

from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.sessions import hold_turns


async def test_owners_read_copy_and_delete_their_own_sessions(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    alice, bob, session = uuid4(), uuid4(), uuid4()
    hers = await a_key(store, "tasks:read", "tasks:write", owner=alice)
    his = await a_key(store, "tasks:read", "tasks:write", owner=bob)
    await hold_turns(store, 3, session_id=session, owner=alice)
    await hold_turns(store, 1, session_id=session, owner=bob)
    path = f"/sessions/{session}"

    async with opened(is_keyless=False) as client:
        listed = (await client.get("/sessions", headers=hers)).json()
        shown = (await client.get(f"{path}?limit=2", headers=hers)).json()
        earlier = await client.get(f"{path}?before={shown['messages'][-1]['seq']}", headers=hers)
        theirs = (await client.get(path, headers=his)).json()
        foreign = await client.get(f"{path}?owner={alice}", headers=his)
        through = earlier.json()["messages"][0]["seq"]
        forked = await client.post(f"{path}/fork", json={"through": through}, headers=hers)
        copy = (await client.get(f"/sessions/{forked.json()['session_id']}", headers=hers)).json()
        stolen = await client.get(f"/sessions/{forked.json()['session_id']}", headers=his)
        deleted = await client.delete(path, headers=hers)
        again = await client.delete(path, headers=hers)
        left = (await client.get(path, headers=his)).json()

    assert [each["id"] for each in listed["sessions"]] == [str(session)]
    assert listed["next"] is None
    assert [each["content"] for each in shown["messages"]] == ["a3", "q3"]
    assert shown["is_more"]
    assert [each["content"] for each in earlier.json()["messages"]] == ["a2", "q2", "a1", "q1"]
    assert len(theirs["messages"]) == len(left["messages"]) == 2
    assert foreign.status_code == 403
    assert forked.status_code == 201
    assert [each["content"] for each in copy["messages"]] == ["a2", "q2", "a1", "q1"]
    assert stolen.status_code == 404
    assert (deleted.json(), again.status_code) == ({"sessions": 1, "messages": 6}, 404)


async def test_an_administrator_names_the_owner(opened: OpenGateway, store: SupabaseStore) -> None:
    alice, session = uuid4(), uuid4()
    admin = await a_key(store, "admin")
    await hold_turns(store, 1, session_id=session, owner=alice)

    async with opened(is_keyless=False) as client:
        listed = (await client.get("/sessions", headers=admin)).json()["sessions"]
        nobodys = await client.get(f"/sessions/{session}", headers=admin)
        hers = await client.get(f"/sessions/{session}?owner={alice}", headers=admin)
        gone = await client.delete(f"/sessions/{session}?owner={alice}", headers=admin)

    assert [UUID(each["owner"]) for each in listed if each["id"] == str(session)] == [alice]
    assert (nobodys.status_code, hers.status_code, gone.status_code) == (404, 200, 200)
