"""Sign-in with a code from an e-mail, by Supabase's client and over HTTP."""

import httpx
import pytest
from supabase import AsyncClient
from supabase_auth.errors import AuthApiError

from tests.support.accounts import an_email


async def make_code(service: AsyncClient, email: str) -> str:
    link = await service.auth.admin.generate_link({"type": "magiclink", "email": email})
    return link.properties.email_otp


async def test_a_code_opens_a_session_once(client: AsyncClient, service: AsyncClient) -> None:
    email = an_email()
    await service.auth.admin.create_user({"email": email, "email_confirm": True})
    replaced = await make_code(service, email)
    code = await make_code(service, email)

    opened = await client.auth.verify_otp({"email": email, "token": code, "type": "email"})

    assert opened.user is not None
    assert opened.session is not None
    assert (opened.user.email, len(code)) == (email, 6)
    for spent in (code, replaced):
        with pytest.raises(AuthApiError, match="Token has expired or is invalid"):
            await client.auth.verify_otp({"email": email, "token": spent, "type": "email"})


async def test_a_code_is_sent_to_users_and_to_others_only_if_they_may_sign_up(
    client: AsyncClient, service: AsyncClient
) -> None:
    email = an_email()
    await service.auth.admin.create_user({"email": email, "email_confirm": True})

    await client.auth.sign_in_with_otp({"email": email, "options": {"should_create_user": False}})
    with pytest.raises(AuthApiError, match="Signups not allowed for otp") as refused:
        await client.auth.sign_in_with_otp(
            {"email": an_email(), "options": {"should_create_user": False}}
        )

    assert (refused.value.status, refused.value.code) == (422, "otp_disabled")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/verify", {"type": "email", "email": "nobody@example.com", "token": "123456"}, 403),
        ("/verify", {"email": "nobody@example.com", "token": "123456"}, 400),
        ("/verify", {"type": "email", "token": "123456"}, 400),
        ("/otp", {"phone": "+491234"}, 400),
    ],
)
async def test_a_wrong_request_is_refused(
    http: httpx.AsyncClient, path: str, body: dict[str, str], status: int
) -> None:
    answer = await http.post(f"/auth/v1{path}", json=body)

    assert answer.status_code == status


async def test_mails_to_one_address_are_rare(http: httpx.AsyncClient, service: AsyncClient) -> None:
    email = an_email()
    await service.auth.admin.create_user({"email": email, "email_confirm": True})

    answers = [await http.post("/auth/v1/otp", json={"email": email}) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert answers[1].json()["error_code"] == "over_email_send_rate_limit"
