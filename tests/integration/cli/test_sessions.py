"""`cogo sessions`."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID, uuid4

from embedded.state import State
from gateway.auth.principal import LOCAL
from gateway.tasks.task_run import derive_session_id
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.integration.cli.conftest import Say
from tests.integration.sessions import hold_turns

_T = TypeVar("_T")


def with_store(project: State, work: Callable[[SupabaseStore], Awaitable[_T]]) -> _T:
    async def open_and_work() -> _T:
        async with open_store(project.url, project.secret_key) as store:
            return await work(store)

    return asyncio.run(open_and_work())


def test_a_person_lists_shows_copies_and_deletes_conversations(cogo: Say, project: State) -> None:
    owner = uuid4()
    named = derive_session_id("greetings", LOCAL)

    async def fill(store: SupabaseStore) -> UUID:
        await hold_turns(store, 3, session_id=named)
        return await hold_turns(store, 1, session_id=uuid4(), owner=owner)

    other = with_store(project, fill)

    def answer(*arguments: str) -> Any:
        code, out, err = cogo("sessions", *arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    assert [each["id"] for each in answer("list")] == [str(other), str(named)]
    assert [each["messages"] for each in answer("list", "--owner", "none")] == [6]
    assert "q1" in cogo("sessions")[1]
    shown = answer("show", "greetings", "--limit", "3")
    assert [each["content"] for each in shown["messages"]] == ["a3", "q3", "a2"]
    text = cogo("sessions", "show", str(named)[:8])
    assert text[1].index("q1") < text[1].index("a3")
    through = str(shown["messages"][2]["seq"])
    copy = answer("fork", "greetings", "--through", through)["session_id"]
    assert [each["content"] for each in answer("show", copy)["messages"]] == [
        "a2",
        "q2",
        "a1",
        "q1",
    ]
    dry = answer("forget", "greetings", copy, "--dry-run")
    assert (dry["sessions"], dry["messages"], dry["dry_run"]) == (2, 10, True)
    assert cogo("sessions", "forget", copy)[1] == "1 session with 4 messages deleted\n"
    assert cogo("sessions", "show", copy)[0] == 1
    assert answer("forget", "--older-than", "1d", "--owner", "all")["sessions"] == 0
    assert answer("forget", "--all")["sessions"] == 1, "of nobody"
    assert [each["id"] for each in answer("list")] == [str(other)]


def test_what_is_not_there_and_what_is_not_said_are_errors(cogo: Say, project: State) -> None:
    missing = cogo("sessions", "show", "nowhere")
    nothing = cogo("sessions", "forget")
    empty = cogo("sessions")

    assert missing[0] == 1
    assert "there is no session 'nowhere'" in missing[2]
    assert nothing[0] == 2
    assert "nothing is selected" in nothing[2]
    assert "no conversations" in empty[1] + empty[2]
