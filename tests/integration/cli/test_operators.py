"""`cogo keys`, `grants`, `budget` and `audit`."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from cogo.cli.app import run
from embedded.state import State
from protocol.records import CallEnd, CallRow
from protocol.transport.supabase_store import open_store

OWNER = "00000000-0000-4000-8000-000000000009"
OTHER = "00000000-0000-4000-8000-00000000000a"
STRANGER = "00000000-0000-4000-8000-00000000000b"
Say = Callable[..., Any]


@pytest.fixture
def cogo(chosen_project: State, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on an emptied project; return what it printed as JSON."""

    def say(*arguments: str) -> Any:
        assert run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return say


def test_a_key_is_created_rotated_and_revoked(cogo: Say) -> None:
    made = cogo("keys", "create", "--name", "laptop", "--expires", "90d")
    replaced = cogo("keys", "rotate", made["id"])
    revoked = cogo("keys", "revoke", replaced["id"])
    listed = cogo("keys", "list")

    assert made["key"] != replaced["key"]
    assert (replaced["name"], replaced["scopes"]) == ("laptop", made["scopes"])
    assert revoked["revoked_at"] is not None
    assert {each["id"]: each["usable"] for each in listed} == {
        made["id"]: False,
        replaced["id"]: False,
    }
    assert made["key"] not in json.dumps(listed)


def test_keys_that_the_console_used_up_are_not_listed(cogo: Say) -> None:
    address = cogo("keys", "create", "--name", "address", "--scope", "console:open")
    scopes = ("--scope", "admin", "--scope", "console:session")
    session, ended = (cogo("keys", "create", "--name", each, *scopes) for each in ("on", "off"))

    assert {each["id"] for each in cogo("keys")} == {address["id"], session["id"], ended["id"]}
    for each in (address, ended):
        cogo("keys", "revoke", each["id"])

    assert [each["id"] for each in cogo("keys")] == [session["id"]]


@pytest.mark.parametrize("owner", [OWNER, "none"])
def test_an_owner_is_granted_models_until_it_is_taken_back(cogo: Say, owner: str) -> None:
    cogo("grants", "set", owner, "--model", "claude-sonnet", "--provider", "anthropic")
    cogo("grants", "set", owner, "--priority", "2")
    [granted] = cogo("grants", "list")
    cogo("grants", "remove", owner)

    assert (granted["owner"] or "none", granted["providers"]) == (owner, ["anthropic"])
    assert granted["priority"] == 2
    assert len(granted["models"]) == 1
    assert cogo("grants", "list") == []


def test_an_owner_is_granted_tools_until_all_are_allowed_again(cogo: Say) -> None:
    names = ["cogo/*", "cogo:run_code", "mcp:a-b/*", "mcp:a-b/x.y", "shop.tools.find", "web_search"]

    cogo("grants", "set", OWNER, *(word for each in names for word in ("--tool", each)))
    cogo("grants", "set", OWNER, "--priority", "2")
    [granted] = cogo("grants", "list")
    cogo("grants", "set", OWNER, "--tool", "none")
    [nothing] = cogo("grants", "list")
    cogo("grants", "set", OWNER, "--tool", "all")
    [all_again] = cogo("grants", "list")
    cogo("grants", "set", OWNER, "--tool", "shop.tools.find")
    cogo("grants", "remove", OWNER)

    assert sorted(granted["tools"]) == names
    assert nothing["tools"] == []
    assert (all_again["tools"], all_again["priority"]) == (None, 2)
    assert cogo("grants", "list") == []


@pytest.mark.parametrize("target", ["total", "provider:anthropic", f"owner:{OWNER}", "owner:none"])
def test_a_cap_is_set_listed_by_the_name_that_removes_it_and_removed(
    cogo: Say, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    [cap] = cogo("budget", "set", target, "20", "--per", "month")
    assert run(["budget", "list"]) == 0
    shown = capsys.readouterr().out

    assert float(cap["limit_usd"]) == 20
    assert target in shown
    assert cogo("budget", "remove", target, "--per", "month") == {"removed": True}
    assert cogo("budget", "list") == []


@pytest.mark.parametrize(
    "line",
    [("audit",), ("audit", "--owner", "none"), ("audit", "--since", "7d")],
    ids=" ".join,
)
def test_before_the_first_call_there_is_nothing_to_audit(
    cogo: Say, capsys: pytest.CaptureFixture[str], line: tuple[str, ...]
) -> None:
    assert cogo(*line) == []
    assert run(line) == 0
    assert capsys.readouterr().out == "no model was called in this period\n"


def test_operators_see_every_owners_calls_and_each_owner_their_own(
    cogo: Say, project: State
) -> None:
    costs = {OWNER: ["0.5", "0.25"], OTHER: ["0.125"], "none": ["1"]}
    asyncio.run(spent(project, costs))

    everything = cogo("audit")
    whose = {
        owner: [call["cost_usd"] for call in cogo("audit", "--owner", owner)] for owner in costs
    }

    assert len(everything) == 4
    assert {str(call["owner"]) for call in everything} == {OWNER, OTHER, "None"}
    assert {owner: sorted(each) for owner, each in whose.items()} == {
        owner: sorted(each) for owner, each in costs.items()
    }
    assert asyncio.run(read_as(project, OWNER)) == {"cogo_calls": 2, "cogo_usage": 1}
    assert asyncio.run(read_as(project, STRANGER)) == {"cogo_calls": 0, "cogo_usage": 0}


def test_a_list_reports_that_it_goes_on_and_pages_have_no_gap(
    cogo: Say, project: State, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(spent(project, {OWNER: ["0.5", "0.25"]}))

    async def lose_all() -> None:
        """Insert a second row with another outcome for each call."""
        connection = await asyncpg.connect(project.db_url)
        await connection.execute(
            "insert into public.cogo_calls"
            """ select (jsonb_populate_record(c, '{"outcome": "lost"}')).*"""
            " from public.cogo_calls c"
        )
        await connection.close()

    async def one_by_one() -> list[list[str]]:
        found: list[CallRow] = []
        async with open_store(project.url, project.secret_key) as store:
            while page := await store.fetch_calls(
                limit=1,
                every_owner=True,
                last=found[-1] if found else None,
            ):
                found += page
        return [[str(each.id), each.outcome] for each in found]

    asyncio.run(lose_all())
    everything = [[call["id"], call["outcome"]] for call in cogo("audit", "--all")]
    assert run(["audit", "--limit", "2"]) == 0
    said = capsys.readouterr()

    assert asyncio.run(one_by_one()) == everything
    assert len(everything) == 4
    assert len(said.out.splitlines()) == 1 + 2
    assert "--all" in said.err
    assert run(["audit", "--limit", "4"]) == 0
    assert not capsys.readouterr().err


async def spent(project: State, costs: Mapping[str, Sequence[str]]) -> None:
    """Insert calls that cost the given dollars for each owner."""
    async with open_store(project.url, project.secret_key) as store:
        for owner, each in costs.items():
            for cost in each:
                call = CallEnd(
                    id=uuid4(),
                    owner=None if owner == "none" else UUID(owner),
                    model_id="m",
                    provider="p",
                    provider_model="m",
                    prompt_sha256="0",
                    outcome="completed",
                    duration_ms=1,
                    cost_usd=Decimal(cost),
                )
                await store.end_call(agent_id="a", call=call)


async def read_as(project: State, person: str) -> dict[str, int]:
    """Count the rows that a signed-in user can read."""
    connection = await asyncpg.connect(project.db_url)
    try:
        async with connection.transaction():
            claims = json.dumps({"sub": person, "role": "authenticated"})
            await connection.execute("select set_config('request.jwt.claims', $1, true)", claims)
            await connection.execute("set local role authenticated")
            return {
                name: await connection.fetchval(f"select count(*) from {name}")  # noqa: S608
                for name in ("cogo_calls", "cogo_usage")
            }
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("keys", "create", "--name", "a", "--expires", "soon"), "not a duration"),
        (("keys", "revoke", "no-such-key"), "no-such-key"),
        (("grants", "set", "me", "--model", "claude-sonnet"), "not an owner"),
        (("grants", "set", "none"), "nothing is granted"),
        (("grants", "set", "none", "--tool", "find_order"), "no full name of a tool"),
        (("grants", "set", "none", "--tool", "mcp:shop"), "mcp:SERVER/*"),
        (("grants", "set", "none", "--tool", "none", "--tool", "a.b"), "no other tool"),
        (("budget", "set", "everything", "1"), "cannot have a cap"),
        (("budget", "set", "total", "much"), "not an amount"),
        (("budget", "set", "total", "1", "--per", "week"), "day, month or ever"),
        (("audit", "--owner", "me"), "not an owner"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
@pytest.mark.usefixtures("cogo")
def test_invalid_arguments_are_refused_with_the_reason(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], words: str
) -> None:
    assert run(line) != 0
    assert words in capsys.readouterr().err
