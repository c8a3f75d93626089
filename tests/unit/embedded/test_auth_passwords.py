"""How passwords of accounts are kept."""

import pytest

from embedded.auth.passwords import hash_password, is_password


@pytest.mark.parametrize("password", ["secret", "pässwörd", "\ud800", "x" * 5000])
async def test_a_password_opens_what_it_made_and_nothing_else(password: str) -> None:
    stored = await hash_password(password)

    assert await is_password(password, stored)
    assert not await is_password(password + " ", stored)
    assert password not in stored


async def test_the_same_password_is_never_stored_alike() -> None:
    assert await hash_password("secret") != await hash_password("secret")


@pytest.mark.parametrize("stored", [None, "", "$2a$10$somebody.elses.bcrypt"])
async def test_nothing_opens_an_account_without_a_password_of_ours(stored: str | None) -> None:
    assert not await is_password("secret", stored)
