"""Sign-in of the project's users at the console, their roles, and the parts that they see."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from embedded.state import State
from gateway.auth.sign_in import ATTEMPTS_PER_MINUTE
from gateway.console.parts import FOR_USERS, Part
from tests.integration.gateway.conftest import OpenGateway
from tests.support.accounts import an_email, connected
from tests.support.eventually import eventually

PASSWORD: Final = "correct horse battery staple"


async def make_user(project: State, **metadata: str) -> str:
    email = an_email()
    async with connected(project.url, project.secret_key) as client:
        await client.auth.admin.create_user(
            {
                "email": email,
                "password": PASSWORD,
                "email_confirm": True,
                "app_metadata": dict(metadata),
            }
        )
    return email


async def sign_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Any:
    return await client.post("/console/sign-in", json={"email": email, "password": password})


async def read_me(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    answer = await client.get("/console/me", headers={"Authorization": f"Bearer {token}"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def test_a_user_signs_in_and_sees_what_users_see(opened: OpenGateway, project: State) -> None:
    async with opened(is_keyless=False) as client:
        session = (await sign_in(client, await make_user(project))).raise_for_status().json()
        me = await read_me(client, session["access_token"])
        queue = await client.get(
            "/queue", headers={"Authorization": f"Bearer {session['access_token']}"}
        )

    assert (me["role"], me["is_operator"], me["parts"]) == ("user", False, list(FOR_USERS))
    assert me["name"] == f"user:{me['owner']}"
    assert queue.status_code == 403


async def test_a_session_is_renewed_once_and_a_used_one_is_over(
    opened: OpenGateway, project: State
) -> None:
    async with opened(is_keyless=False) as client:
        first = (await sign_in(client, await make_user(project))).json()
        second = await client.post(
            "/console/refresh", json={"refresh_token": first["refresh_token"]}
        )
        assert (await read_me(client, second.json()["access_token"]))["role"] == "user"
        wrong = await client.post("/console/refresh", json={"refresh_token": "no such token"})

    assert (wrong.status_code, wrong.json()["code"]) == (401, "sign_in_refused")
    assert wrong.json()["hint"] == "sign in again"


async def test_a_user_signs_in_with_a_code_once(opened: OpenGateway, project: State) -> None:
    email = await make_user(project)
    async with (
        opened(is_keyless=False) as client,
        connected(project.url, project.secret_key) as admin,
    ):
        sent = [
            await client.post("/console/code", json={"email": each}) for each in (email, an_email())
        ]
        link = await admin.auth.admin.generate_link({"type": "magiclink", "email": email})
        body = {"email": email, "code": link.properties.email_otp}
        wrong = await client.post("/console/sign-in/code", json=body | {"code": "no code"})
        first, again = [await client.post("/console/sign-in/code", json=body) for _ in range(2)]
        me = await read_me(client, first.json()["access_token"])

    assert [each.status_code for each in sent] == [204, 204]  # nobody learns whose addresses exist
    assert (me["role"], me["name"]) == ("user", f"user:{me['owner']}")
    for answer in (wrong, again):
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused")
        assert answer.json()["hint"] == "have another one sent"


async def test_guessing_codes_and_sending_mails_is_slow(opened: OpenGateway) -> None:
    async with opened(is_keyless=False) as client:
        answers = [
            await client.post("/console/sign-in/code", json={"email": an_email(), "code": f"{n}"})
            for n in range(ATTEMPTS_PER_MINUTE)
        ]
        mail = await client.post("/console/code", json={"email": an_email()})

    assert {each.status_code for each in answers} == {401}
    assert mail.status_code == 429


async def test_an_operator_is_who_the_project_says_so(opened: OpenGateway, project: State) -> None:
    async with opened(is_keyless=False) as client:
        email = await make_user(project, cogo_role="operator")
        session = (await sign_in(client, email)).json()
        me = await read_me(client, session["access_token"])
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        assert (await client.get("/queue", headers=headers)).status_code == 200

    assert (me["role"], me["is_operator"], me["parts"]) == ("operator", True, list(Part))


async def test_a_user_who_is_no_operator_any_more_loses_the_rights_and_the_open_streams(
    opened: OpenGateway, project: State
) -> None:
    email = await make_user(project, cogo_role="operator")
    soon = timedelta(seconds=0.1)
    async with (
        opened(is_keyless=False, recheck=soon) as client,
        connected(project.url, project.secret_key) as admin,
        asyncio.TaskGroup() as group,
    ):
        token = (await sign_in(client, email)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        user_id = (await read_me(client, token))["owner"]
        task = (await client.post("/tasks", json={"prompt": "x"}, headers=headers)).json()
        path = f"/tasks/{task['id']}/events"
        streams = [
            group.create_task(client.get(each, headers=headers)) for each in (path, "/events")
        ]

        async def is_watched() -> bool:
            answer = await client.get("/metrics", headers=headers)
            return "cogo_gateway_watchers 1.0" in answer.text

        await eventually(is_watched)
        await admin.auth.admin.update_user_by_id(user_id, {"app_metadata": {"cogo_role": "user"}})
        ended = [await each for each in streams]
        queue = await client.get("/queue", headers=headers)
        tasks = await client.get("/tasks", headers=headers)

    assert all("rights_changed" in each.text.rstrip().rpartition("\n\n")[2] for each in ended)
    assert (queue.status_code, tasks.status_code) == (403, 200)


async def test_settings_say_which_parts_a_role_sees(opened: OpenGateway, project: State) -> None:
    parts = {"user": (Part.INBOX, Part.OPERATE), "reviewer": (Part.INBOX, Part.CHARTS)}
    async with opened(is_keyless=False, console_parts=parts) as client:
        seen = []
        for metadata in ({}, {"cogo_role": "reviewer"}, {"cogo_role": "other"}):
            session = (await sign_in(client, await make_user(project, **metadata))).json()
            seen.append((await read_me(client, session["access_token"]))["parts"])

    assert seen == [["inbox"], ["inbox", "charts"], list(FOR_USERS)]


async def test_guessing_a_password_is_slow_and_says_nothing(
    opened: OpenGateway, project: State
) -> None:
    email = await make_user(project)
    async with opened(is_keyless=False) as client:
        unknown = await sign_in(client, an_email())
        wrong = [await sign_in(client, email, f"guess {n}") for n in range(ATTEMPTS_PER_MINUTE - 1)]
        right = await sign_in(client, email)

    assert {each.status_code for each in wrong} == {401}
    assert unknown.json() == wrong[0].json()
    assert (right.status_code, right.json()["code"]) == (429, "rate_limited")
    assert int(right.headers["Retry-After"]) > 0


async def test_one_address_cannot_use_up_what_auth_allows_to_all(opened: OpenGateway) -> None:
    async with opened(is_keyless=False, requests_per_minute=3) as client:
        body = {"refresh_token": "no such token"}
        answers = [await client.post("/console/refresh", json=body) for _ in range(4)]

    assert [each.status_code for each in answers] == [401, 401, 401, 429]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@b.c"},
        {"email": "x" * 400, "password": "y"},
        {"email": "a@b.c", "password": "z" * 2_000},
        {"email": ["a@b.c"], "password": {}},
    ],
)
async def test_nonsense_is_refused_without_repeating_a_password(
    opened: OpenGateway, body: dict[str, Any]
) -> None:
    async with opened(is_keyless=False) as client:
        answer = await client.post("/console/sign-in", json=body)

    assert answer.status_code == 400
    assert "zzz" not in answer.text


async def test_without_a_key_or_session_nobody_is_told_who_they_are(opened: OpenGateway) -> None:
    async with opened(is_keyless=False) as client:
        assert (await client.get("/console/me")).status_code == 401
        fake = {"Authorization": f"Bearer cogo_{uuid4().hex}"}
        assert (await client.get("/console/me", headers=fake)).status_code == 401
