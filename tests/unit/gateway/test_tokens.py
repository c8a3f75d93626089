"""Access tokens, verified by published keys, by the secret, or by the project itself."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr

from gateway.auth.tokens import TokenVerifier, User
from gateway.problems import Problem

USER: Final = uuid4()
ANNA: Final = User(USER, None)
SECRET: Final = "a secret of a project, long enough for HS256"
AGES: Final = 10_000.0
"""Seconds after which no key is believed without asking."""


@dataclass
class Project:
    """The Auth of a project, as far as a gateway asks it."""

    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    """Those that it publishes."""
    accepts: set[str] = field(default_factory=set)
    refuses_with: int = 403
    is_away: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    """The app_metadata of its users."""
    says: str | None = None
    """What it answers, whatever it is asked: a proxy may stand before it."""
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.is_away:
            raise httpx.ConnectError("away")
        if self.says is not None:
            return httpx.Response(200, text=self.says)
        if request.url.path == "/auth/v1/.well-known/jwks.json":
            return httpx.Response(200, json={"keys": [self._public(kid) for kid in self.keys]})
        if request.headers["authorization"].removeprefix("Bearer ") in self.accepts:
            return httpx.Response(200, json={"id": str(USER), "app_metadata": self.metadata})
        return httpx.Response(self.refuses_with, json={"msg": "invalid JWT"})

    def key(self, kid: str) -> ec.EllipticCurvePrivateKey:
        """Make a key and publish it."""
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())
        return self.keys[kid]

    def _public(self, kid: str) -> dict[str, Any]:
        public = ECAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True)
        return public | {"kid": kid, "alg": "ES256", "use": "sig"}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"sub": str(USER), "aud": "authenticated", "role": "authenticated", "exp": now + 600}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(key: Any, kid: str = "one", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="ES256", headers={"kid": kid})


def shared(secret: str = SECRET, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm="HS256")


@asynccontextmanager
async def tokens_of(
    project: Project, *, secret: str | None = None, clock: Iterator[float] | None = None
) -> AsyncIterator[TokenVerifier]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(project.answer)) as http:
        yield TokenVerifier(
            http,
            url="https://project.example",
            publishable_key="sb_publishable_x",
            jwt_secret=SecretStr(secret) if secret else None,
            **({} if clock is None else {"clock": clock.__next__}),
        )


async def test_tokens_of_a_published_key_are_verified_here_and_the_keys_asked_for_once() -> None:
    project = Project()
    key = project.key("one")
    async with tokens_of(project) as tokens:
        assert [await tokens.verify_user(signed(key)) for _ in range(3)] == [ANNA] * 3

    assert project.asked == ["/auth/v1/.well-known/jwks.json"]


async def test_tokens_of_the_projects_secret_are_verified_without_asking_anybody() -> None:
    project = Project()
    async with tokens_of(project, secret=SECRET) as tokens:
        assert await tokens.verify_user(shared()) == ANNA
        with pytest.raises(Problem, match="not valid"):
            await tokens.verify_user(shared("another secret, also long enough for HS256"))

    assert project.asked == []


@pytest.mark.parametrize(
    ("metadata", "role"),
    [
        ({"cogo_role": "operator"}, "operator"),
        ({"provider": "email"}, None),
        ({"cogo_role": ["operator"]}, None),
        ({"cogo_role": ""}, None),
        ("operator", None),
    ],
)
async def test_a_role_is_a_text_in_what_only_the_project_writes(
    metadata: object, role: str | None
) -> None:
    token = shared(app_metadata=metadata, user_metadata={"cogo_role": "operator"})
    async with tokens_of(Project(is_away=True), secret=SECRET) as tokens:
        assert (await tokens.verify_user(token)).role == role


@pytest.mark.parametrize(
    ("metadata", "role"), [({"cogo_role": "operator"}, "operator"), ({}, None), (None, None)]
)
async def test_a_role_in_a_token_counts_while_the_project_says_so(
    metadata: dict[str, str] | None, role: str | None
) -> None:
    project = Project()
    token = signed(project.key("one"), app_metadata={"cogo_role": "operator"})
    if metadata is not None:  # else its session is over
        project.accepts.add(token)
        project.metadata = metadata
    async with tokens_of(project) as tokens:
        assert await tokens.verify_user(token) == User(USER, role)

    assert project.asked[-1] == "/auth/v1/user"


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_without_the_secret_the_project_is_asked_whose_a_token_is(status: int) -> None:
    token = shared()
    project = Project(accepts={token}, refuses_with=status)
    async with tokens_of(project) as tokens:
        assert await tokens.verify_user(token) == ANNA
        with pytest.raises(Problem, match="does not accept"):
            await tokens.verify_user(shared(exp=int(time.time()) + 5))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": int(time.time()) - 1}, "expired"),
        ({"exp": None}, "not valid"),
        ({"aud": "anon"}, "not valid"),
        ({"role": "anon"}, "not the token of a signed-in user"),
        ({"role": "service_role"}, "not the token of a signed-in user"),
        ({"sub": "nobody"}, "has no valid user id"),
    ],
)
@pytest.mark.parametrize("is_published", [True, False], ids=["ES256", "HS256"])
async def test_only_tokens_of_users_that_hold_are_taken(
    changes: dict[str, Any], why: str, is_published: bool
) -> None:
    project = Project()
    token = signed(project.key("one"), **changes) if is_published else shared(**changes)
    async with tokens_of(project, secret=SECRET) as tokens:
        with pytest.raises(Problem, match=why) as refused:
            await tokens.verify_user(token)

    assert (refused.value.status_code, refused.value.code) == (401, "unauthenticated")


async def test_forged_tokens_are_refused() -> None:
    project = Project()
    project.key("one")
    others = ec.generate_private_key(ec.SECP256R1())
    unsigned = jwt.encode(claims(), "", algorithm="none")
    async with tokens_of(project, secret=SECRET) as tokens:
        for token in (signed(others), signed(others, "two"), unsigned, "a.b.c"):
            with pytest.raises(Problem) as refused:
                await tokens.verify_user(token)
            assert refused.value.status_code == 401


async def test_a_new_key_is_found_and_a_withdrawn_one_ends() -> None:
    project = Project()
    now = 0.0

    def clock() -> Iterator[float]:
        while True:
            yield now

    old = project.key("one")
    async with tokens_of(project, clock=clock()) as tokens:
        await tokens.verify_user(signed(old))
        new = project.key("two")
        del project.keys["one"]

        now += 60
        assert await tokens.verify_user(signed(new, "two")) == ANNA
        with pytest.raises(Problem, match="has no such key"):
            await tokens.verify_user(signed(old))

        asked = len(project.asked)
        for _ in range(5):
            with pytest.raises(Problem):
                await tokens.verify_user(signed(old, "three"))
        assert len(project.asked) == asked  # guesses do not make us ask each time

        del project.keys["two"]
        now += AGES
        with pytest.raises(Problem, match="has no such key"):
            await tokens.verify_user(signed(new, "two"))


async def test_while_auth_is_away_known_keys_hold_and_for_others_it_is_said() -> None:
    project = Project()
    now = 0.0

    def clock() -> Iterator[float]:
        while True:
            yield now

    key = project.key("one")
    async with tokens_of(project, clock=clock()) as tokens:
        await tokens.verify_user(signed(key))
        project.is_away = True
        now += AGES

        assert await tokens.verify_user(signed(key)) == ANNA
        with pytest.raises(Problem) as away:
            now += AGES
            await tokens.verify_user(signed(key, "two"))
    assert (away.value.status_code, away.value.code) == (503, "auth_unavailable")


@pytest.mark.parametrize("says", ["<html>sign in</html>", "[]", "null"])
async def test_an_answer_that_is_no_object_means_that_auth_is_away(says: str) -> None:
    project = Project(says=says)
    async with tokens_of(project) as tokens:
        for token in (shared(), signed(ec.generate_private_key(ec.SECP256R1()))):
            with pytest.raises(Problem) as away:
                await tokens.verify_user(token)
            assert (away.value.status_code, away.value.code) == (503, "auth_unavailable")
