"""Hashing of the passwords of accounts."""

import pytest

from embedded.auth.passwords import hash_password, is_password


@pytest.mark.parametrize("password", ["secret", "pässwörd", "\ud800", "x" * 5000])
async def test_a_hash_matches_its_password_only(password: str) -> None:
    stored = await hash_password(password)

    assert await is_password(password, stored)
    assert not await is_password(password + " ", stored)
    assert password not in stored


async def test_equal_passwords_have_different_hashes() -> None:
    assert await hash_password("secret") != await hash_password("secret")


@pytest.mark.parametrize("stored", [None, "", "$2a$10$somebody.elses.bcrypt"])
async def test_an_account_without_a_hash_matches_no_password(stored: str | None) -> None:
    assert not await is_password("secret", stored)
