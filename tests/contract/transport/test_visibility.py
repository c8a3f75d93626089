"""Lists of what somebody may see: their own tasks, and those of their projects."""

from uuid import UUID, uuid4

import pytest

from protocol.records import EVERYTHING, NewTask, Visibility
from protocol.transport.supabase_store import SupabaseStore

ALICE, BOB = uuid4(), uuid4()
ODD = 'a,b).or("c\\" é'
TASKS = {
    "alice": (ALICE, None),
    "alice in web": (ALICE, "web"),
    "bob": (BOB, None),
    "bob in web": (BOB, "web"),
    "bob in odd": (BOB, ODD),
    "nobody": (None, None),
    "nobody in web": (None, "web"),
}


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        (EVERYTHING, set(TASKS)),
        (Visibility(), {"nobody", "nobody in web"}),
        (Visibility(owner=ALICE), {"alice", "alice in web"}),
        (
            Visibility(owner=ALICE, projects=frozenset({"web"})),
            {"alice", "alice in web", "bob in web", "nobody in web"},
        ),
        (
            Visibility(owner=ALICE, projects=frozenset({ODD, "none"})),
            {"alice", "alice in web", "bob in odd"},
        ),
        (Visibility(owner=BOB, only_project="web"), {"bob in web"}),
        (
            Visibility(owner=BOB, projects=frozenset({"web"}), only_project="web"),
            {"alice in web", "bob in web", "nobody in web"},
        ),
        (Visibility(every_owner=True, only_project=ODD), {"bob in odd"}),
        (Visibility(owner=BOB, only_project="none"), set()),
    ],
)
async def test_lists_hold_what_is_visible(
    store: SupabaseStore, visible: Visibility, seen: set[str]
) -> None:
    tasks = [
        await store.submit_task(NewTask(prompt=name, type="CHAT", owner=owner, project=project))
        for name, (owner, project) in TASKS.items()
    ]

    assert {each.prompt for each in tasks if visible.includes(each)} == seen
    found = (await store.find_tasks(limit=20, visible=visible)).tasks
    assert {each.prompt for each in found} == seen
    lines = await store.fetch_lines(limit=20, visible=visible)
    assert {each.prompt for each in lines} == seen


async def test_no_project_of_a_name_widens_a_list(store: SupabaseStore) -> None:
    """Names of projects are data of users, and part of a query."""
    await store.submit_task(NewTask(prompt="bob's", type="CHAT", owner=BOB))
    for name in ('"', "\\", '"),owner.not.is.null', "x),id.not.is.null", "*", "%", "null"):
        visible = Visibility(owner=UUID(int=7), projects=frozenset({name}))
        assert (await store.find_tasks(limit=5, visible=visible)).tasks == []
