"""Accounts and sessions through the synchronous client."""

from collections.abc import Iterator

import httpx
import pytest
from supabase import Client, ClientOptions, create_client
from supabase_auth.errors import AuthApiError

from tests.support.accounts import PASSWORD, an_email
from tests.support.servers.contract_target import Target


@pytest.fixture
def client(contract_target: Target) -> Iterator[Client]:
    with httpx.Client(timeout=20) as http:
        options = ClientOptions(auto_refresh_token=False, httpx_client=http)
        yield create_client(contract_target.url, contract_target.publishable_key, options)


def test_an_account_lives_through_the_synchronous_client(client: Client) -> None:
    email = an_email()

    made = client.auth.sign_up({"email": email, "password": PASSWORD})
    before = client.auth.get_session()
    renewed = client.auth.refresh_session()
    changed = client.auth.update_user({"data": {"colour": "blue"}})
    client.auth.sign_out()
    again = client.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    assert made.user
    assert before
    assert renewed.session
    assert renewed.session.refresh_token != before.refresh_token
    assert again.user
    assert again.user.id == made.user.id
    assert changed.user.user_metadata["colour"] == "blue"
    with pytest.raises(AuthApiError) as caught:
        client.auth.get_user(before.access_token)
    assert caught.value.code == "session_not_found"
