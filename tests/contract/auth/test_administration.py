"""Administration of accounts with the secret key."""

import uuid

import httpx
import pytest
from supabase import AsyncClient
from supabase_auth.errors import AuthApiError

from tests.support.accounts import PASSWORD, an_email, sign_up
from tests.support.servers.contract_target import Target


async def test_the_service_role_creates_lists_and_deletes_accounts(service: AsyncClient) -> None:
    made = await service.auth.admin.create_user(
        {
            "email": an_email(),
            "password": PASSWORD,
            "email_confirm": True,
            "user_metadata": {"a": 1},
        }
    )
    listed = await service.auth.admin.list_users()
    found = await service.auth.admin.get_user_by_id(made.user.id)
    await service.auth.admin.delete_user(made.user.id)

    assert made.user.id in [user.id for user in listed]
    assert found.user.user_metadata == {"a": 1}
    with pytest.raises(AuthApiError) as gone:
        await service.auth.admin.get_user_by_id(made.user.id)
    assert gone.value.code == "user_not_found"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("no-address", PASSWORD),
        ("a b@example.com", PASSWORD),
        ("a@-example.com", PASSWORD),
        ("@example.com", PASSWORD),
        (f"{'a' * 250}@example.com", PASSWORD),
        ("a@example.com", "x" * 73),
    ],
)
async def test_an_invalid_address_or_password_is_refused(
    service: AsyncClient, email: str, password: str
) -> None:
    with pytest.raises(AuthApiError) as refused:
        await service.auth.admin.create_user({"email": email, "password": password})

    assert (refused.value.status, refused.value.code) == (400, "validation_failed")


async def test_an_account_gets_the_requested_id(service: AsyncClient) -> None:
    wanted = str(uuid.uuid4())

    made = await service.auth.admin.create_user({"id": wanted, "email": an_email()})
    await service.auth.admin.delete_user(wanted)

    assert made.user.id == wanted


async def test_the_service_role_changes_an_account(
    client: AsyncClient, service: AsyncClient
) -> None:
    user_id = await sign_up(client, an_email())
    email = an_email()

    await service.auth.admin.update_user_by_id(
        user_id,
        {
            "email": email,
            "email_confirm": True,
            "password": "another one",
            "app_metadata": {"plan": "pro"},
            "user_metadata": {"team": "b"},
        },
    )
    answer = await client.auth.sign_in_with_password({"email": email, "password": "another one"})

    assert answer.user
    assert answer.user.app_metadata["plan"] == "pro"
    assert answer.user.app_metadata["provider"] == "email"
    assert answer.user.user_metadata["team"] == "b"


async def test_a_banned_account_cannot_sign_in_until_the_ban_is_lifted(
    client: AsyncClient, service: AsyncClient
) -> None:
    email = an_email()
    user_id = await sign_up(client, email)

    await service.auth.admin.update_user_by_id(user_id, {"ban_duration": "1h30m"})
    with pytest.raises(AuthApiError) as caught:
        await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    await service.auth.admin.update_user_by_id(user_id, {"ban_duration": "none"})

    assert caught.value.code == "user_banned"
    answer = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert answer.session


async def test_a_soft_deleted_account_is_gone_and_frees_its_address(
    client: AsyncClient, service: AsyncClient
) -> None:
    email = an_email()
    user_id = await sign_up(client, email)

    await service.auth.admin.delete_user(user_id, should_soft_delete=True)

    with pytest.raises(AuthApiError):
        await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert await sign_up(client, email) != user_id


async def test_a_page_has_the_total_count_and_links(
    service: AsyncClient, http: httpx.AsyncClient, contract_target: Target
) -> None:
    made = [await service.auth.admin.create_user({"email": an_email()}) for _ in range(3)]

    answer = await http.get(
        "/auth/v1/admin/users",
        params={"page": 1, "per_page": 2},
        headers={
            "apikey": contract_target.secret_key,
            "Authorization": f"Bearer {contract_target.secret_key}",
        },
    )
    for each in made:
        await service.auth.admin.delete_user(each.user.id)

    assert len(answer.json()["users"]) == 2
    assert int(answer.headers["x-total-count"]) >= 3
    assert 'rel="next"' in answer.headers["link"]
    assert "page=2" in answer.headers["link"]


async def test_administration_needs_the_service_role(client: AsyncClient) -> None:
    user_id = await sign_up(client, an_email())

    for attempt in (
        client.auth.admin.list_users(),
        client.auth.admin.create_user({"email": an_email()}),
        client.auth.admin.get_user_by_id(user_id),
        client.auth.admin.update_user_by_id(user_id, {"role": "service_role"}),
        client.auth.admin.delete_user(user_id),
    ):
        with pytest.raises(AuthApiError) as caught:
            await attempt
        assert caught.value.code == "not_admin"
