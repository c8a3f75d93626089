"""Accounts and sessions through the official client."""

import asyncpg
import httpx
import pytest
from supabase import AsyncClient
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError
from supabase_auth.types import SignOutScope

from tests.support.accounts import PASSWORD, an_email, connected, sign_up
from tests.support.servers.contract_target import Target


async def test_a_sign_up_returns_a_session_whose_token_identifies_the_user(
    client: AsyncClient,
) -> None:
    email = an_email()

    user_id = await sign_up(client, email.upper())
    answer = await client.auth.get_user()

    assert answer
    assert (answer.user.id, answer.user.email, answer.user.role) == (
        user_id,
        email,
        "authenticated",
    )
    assert answer.user.user_metadata == {"team": "a"}


async def test_a_correct_password_opens_a_session(client: AsyncClient) -> None:
    email = an_email()
    await sign_up(client, email)

    answer = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    with pytest.raises(AuthApiError) as wrong:
        await client.auth.sign_in_with_password({"email": email, "password": "wrong"})
    with pytest.raises(AuthApiError) as unknown:
        await client.auth.sign_in_with_password({"email": an_email(), "password": "wrong"})

    assert answer.session
    assert wrong.value.code == unknown.value.code == "invalid_credentials"


async def test_an_email_has_one_account(client: AsyncClient) -> None:
    email = an_email()
    await sign_up(client, email)

    with pytest.raises(AuthApiError) as caught:
        await sign_up(client, email)

    assert caught.value.code == "user_already_exists"


async def test_a_short_password_is_refused_with_the_reason(client: AsyncClient) -> None:
    with pytest.raises(AuthWeakPasswordError) as caught:
        await sign_up(client, an_email(), "short")

    assert caught.value.reasons == ["length"]


async def test_a_session_is_renewed_by_its_refresh_token(client: AsyncClient) -> None:
    await sign_up(client, an_email())
    before = await client.auth.get_session()
    assert before

    answer = await client.auth.refresh_session()

    assert answer.session
    assert answer.session.refresh_token != before.refresh_token
    assert (await client.auth.get_user(answer.session.access_token)) is not None


async def test_an_unknown_refresh_token_is_refused(client: AsyncClient) -> None:
    with pytest.raises(AuthApiError) as caught:
        await client.auth.refresh_session("made up")

    assert str(caught.value.code) == "refresh_token_not_found"


async def test_an_ended_session_is_refused(client: AsyncClient) -> None:
    await sign_up(client, an_email())
    session = await client.auth.get_session()
    assert session

    await client.auth.sign_out()

    with pytest.raises(AuthApiError) as user:
        await client.auth.get_user(session.access_token)
    with pytest.raises(AuthApiError) as refresh:
        await client.auth.refresh_session(session.refresh_token)
    assert user.value.code == "session_not_found"
    assert str(refresh.value.code) == "refresh_token_not_found"


@pytest.mark.parametrize("scope", ["local", "others"])
async def test_the_scope_of_a_sign_out_selects_the_sessions(
    client: AsyncClient, contract_target: Target, scope: SignOutScope
) -> None:
    email = an_email()
    await sign_up(client, email)
    async with connected(contract_target.url, contract_target.publishable_key) as elsewhere:
        await elsewhere.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        session, other = await client.auth.get_session(), await elsewhere.auth.get_session()
        assert session
        assert other
        ended, kept = (session, other) if scope == "local" else (other, session)

        await client.auth.admin.sign_out(
            session.access_token, "local" if scope == "local" else "others"
        )

        with pytest.raises(AuthApiError) as caught:
            await client.auth.get_user(ended.access_token)
        assert caught.value.code == "session_not_found"
        assert await client.auth.get_user(kept.access_token)


async def test_a_used_refresh_token_still_serves_a_second_tab(
    client: AsyncClient, contract_target: Target
) -> None:
    await sign_up(client, an_email())
    before = await client.auth.get_session()
    assert before
    await client.auth.refresh_session()

    async with connected(contract_target.url, contract_target.publishable_key) as tab:
        answer = await tab.auth.refresh_session(before.refresh_token)

    assert answer.session


async def test_a_refresh_token_used_long_ago_ends_the_session(
    client: AsyncClient, contract_target: Target
) -> None:
    user_id = await sign_up(client, an_email())
    stolen = await client.auth.get_session()
    assert stolen
    fresh = await client.auth.refresh_session()
    assert fresh.session
    owner = await asyncpg.connect(contract_target.db_url)
    await owner.execute(
        "update auth.refresh_tokens set updated_at = now() - interval '1 hour'"
        " where user_id = $1 and revoked",
        user_id,
    )
    await owner.close()

    async with connected(contract_target.url, contract_target.publishable_key) as thief:
        with pytest.raises(AuthApiError) as caught:
            await thief.auth.refresh_session(stolen.refresh_token)
    with pytest.raises(AuthApiError) as ended:
        await client.auth.refresh_session(fresh.session.refresh_token)

    assert str(caught.value.code) == "refresh_token_already_used"
    assert str(ended.value.code) == "refresh_token_not_found"


async def test_a_user_changes_their_metadata(client: AsyncClient) -> None:
    await sign_up(client, an_email())

    await client.auth.update_user({"data": {"colour": "blue"}})
    answer = await client.auth.update_user({"data": {"team": None}})
    told = await client.auth.get_user()

    assert answer.user.user_metadata.get("team") is None
    assert told
    assert told.user.user_metadata["colour"] == "blue"


async def test_a_new_password_is_accepted_and_ends_the_other_sessions(
    client: AsyncClient, contract_target: Target
) -> None:
    email = an_email()
    await sign_up(client, email)
    async with connected(contract_target.url, contract_target.publishable_key) as elsewhere:
        await elsewhere.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        other = await elsewhere.auth.get_session()
        assert other

        await client.auth.update_user({"password": "longer than before"})

        with pytest.raises(AuthApiError) as ended:
            await client.auth.get_user(other.access_token)
        with pytest.raises(AuthApiError) as old:
            await elsewhere.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        again = await elsewhere.auth.sign_in_with_password(
            {"email": email, "password": "longer than before"}
        )
    assert ended.value.code == "session_not_found"
    assert old.value.code == "invalid_credentials"
    assert again.session
    assert await client.auth.get_user()


async def test_the_same_or_a_weak_password_is_refused(client: AsyncClient) -> None:
    await sign_up(client, an_email())

    with pytest.raises(AuthApiError) as same:
        await client.auth.update_user({"password": PASSWORD})
    with pytest.raises(AuthWeakPasswordError):
        await client.auth.update_user({"password": "short"})

    assert str(same.value.code) == "same_password"


async def test_the_claims_of_a_token_are_those_of_the_account(client: AsyncClient) -> None:
    email = an_email()
    user_id = await sign_up(client, email)

    answer = await client.auth.get_claims()

    assert answer
    claims = dict(answer["claims"])
    assert (claims["sub"], claims["email"], claims["role"]) == (user_id, email, "authenticated")
    assert claims["session_id"]


async def test_a_request_with_a_session_has_its_user(
    client: AsyncClient, http: httpx.AsyncClient
) -> None:
    user_id = await sign_up(client, an_email())
    session = await client.auth.get_session()
    assert session

    answer = await http.get(
        "/auth/v1/user", headers={"Authorization": f"Bearer {session.access_token}"}
    )
    forged = await http.get(
        "/auth/v1/user", headers={"Authorization": f"Bearer {session.access_token}x"}
    )

    assert answer.json()["id"] == user_id
    assert answer.json()["identities"][0]["provider"] == "email"
    assert (forged.status_code, forged.json()["error_code"]) == (403, "bad_jwt")
