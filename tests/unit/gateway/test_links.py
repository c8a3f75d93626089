"""Tokens of links, and what their page shows."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from gateway.links.page import build_answered_page, build_question_page
from gateway.links.tokens import ApprovalLink, LinkExpired, LinkInvalid, LinkSigner, plan_link
from protocol.errors import InvalidArgument, MoveNotAllowed
from protocol.ids import utc_now
from protocol.records import ApprovalRow

SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANN, BOB = UUID(int=1), UUID(int=2)


def an_approval(**fields: Any) -> ApprovalRow:
    base: dict[str, Any] = {
        "id": uuid4(), "task_id": uuid4(), "subtask_id": uuid4(), "key": "ship", "owner": ANN,
        "question": "Ship it?", "asked_at": NOW,
    }  # fmt: skip
    return ApprovalRow.model_validate(base | fields)


def a_link(**fields: Any) -> ApprovalLink:
    base: dict[str, Any] = {
        "approval_id": uuid4(),
        "person": ANN,
        "expires_at": utc_now() + timedelta(hours=1),
    }
    return ApprovalLink(**(base | fields))


def render(approval: ApprovalRow, **fields: Any) -> str:
    page = build_question_page(approval, answers_as="an operator", **fields)
    return bytes(page.body).decode()


@pytest.mark.parametrize("person", [ANN, None])
def test_a_token_says_what_was_signed(person: UUID | None) -> None:
    link = a_link(person=person, expires_at=utc_now().replace(microsecond=0) + timedelta(hours=1))

    assert LinkSigner(SECRET).read(LinkSigner(SECRET).sign(link)) == link


def test_every_change_of_a_token_is_noticed() -> None:
    token = LinkSigner(SECRET).sign(a_link())

    for place in range(len(token) - 1):  # the last one may hold bits that are not used
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(LinkInvalid):
            LinkSigner(SECRET).read(token[:place] + other + token[place + 1 :])


def test_tokens_of_others_are_refused() -> None:
    claims = {"exp": utc_now() + timedelta(hours=1), "approval": str(uuid4()), "person": None}
    forged = [
        LinkSigner(SECRET[::-1]).sign(a_link()),
        jwt.encode(claims | {"aud": "authenticated"}, SECRET, algorithm="HS256"),
        jwt.encode(claims, SECRET, algorithm="HS256"),
        jwt.encode(claims | {"aud": "cogo:approval"}, "", algorithm="none"),
        jwt.encode(claims | {"aud": "cogo:approval", "approval": "x"}, SECRET, algorithm="HS256"),
        jwt.encode({"aud": "cogo:approval", "approval": str(uuid4())}, SECRET, algorithm="HS256"),
        jwt.encode(claims | {"aud": "cogo:approval", "person": 1}, SECRET, algorithm="HS256"),
        *(
            "",
            ".",
            "..",
            "a.b.c",
            "é" * 9,
            base64.urlsafe_b64encode(json.dumps([]).encode()).decode(),
        ),
    ]

    for token in forged:
        with pytest.raises(LinkInvalid):
            LinkSigner(SECRET).read(token)


def test_an_old_token_has_expired() -> None:
    token = LinkSigner(SECRET).sign(a_link(expires_at=utc_now() - timedelta(seconds=1)))

    with pytest.raises(LinkExpired):
        LinkSigner(SECRET).read(token)


@pytest.mark.parametrize(("by", "person"), [(None, ANN), (str(BOB), BOB), ("operators", None)])
def test_a_link_is_for_whom_the_question_asks(by: str | None, person: UUID | None) -> None:
    assert plan_link(an_approval(by=by)).person == person


def test_a_link_ends_with_the_question() -> None:
    soon = utc_now() + timedelta(minutes=5)

    assert plan_link(an_approval(expires_at=soon)).expires_at == soon
    assert plan_link(an_approval(expires_at=soon), hours=0.01).expires_at < soon


@pytest.mark.parametrize(
    ("approval", "options"),
    [
        (an_approval(), {"person": BOB}),
        (an_approval(by=str(BOB)), {"person": ANN}),
        (an_approval(by="operators"), {"person": ANN}),
        (an_approval(withdrawn_at=NOW), {}),
        (an_approval(answered_at=NOW, approved=True), {}),
        (an_approval(), {"hours": 0}),
        (an_approval(), {"hours": 10_000}),
        (an_approval(), {"hours": float("nan")}),
    ],
)
def test_links_that_could_answer_nothing_are_refused(
    approval: ApprovalRow, options: dict[str, Any]
) -> None:
    with pytest.raises((MoveNotAllowed, InvalidArgument)):
        plan_link(approval, **options)


def test_whom_it_was_passed_on_to_may_have_a_link() -> None:
    assert plan_link(an_approval(escalate_to=str(BOB)), person=BOB).person == BOB


def test_nothing_in_a_question_becomes_markup() -> None:
    evil = "<script>alert(1)</script>\"'\u202egpj\x1b[31m"
    page = render(
        an_approval(question=evil, show={evil: evil, "list": [evil]}, cost_usd="0.5"),
        problem=evil,
    )

    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "\\u202e" in page
    assert page.count("&lt;script&gt;") >= 5


def test_a_page_says_what_an_approval_costs_and_when_it_is_too_late() -> None:
    page = render(an_approval(cost_usd="0.25", expires_at=NOW, on_expiry="approve"))

    assert "up to $0.2500" in page
    assert "2026-11-29 12:00 UTC; no answer by then is an approval" in page
    assert "unknown" in render(an_approval())


def test_a_model_that_asks_gets_a_text() -> None:
    page = render(an_approval(call_id="c1", key="main/c1", show={"choices": ["red", "blue"]}))

    assert "Your answer" in page
    assert " required>" in page
    assert "Send the answer" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"approved": True, "answered_by": BOB}, ("Approved by", str(BOB))),
        ({"approved": True, "answered_who": "key:<b>"}, ("the operator key:&lt;b&gt;",)),
        ({"approved": False, "comment": "<b>no</b>"}, ("Refused by", "&lt;b&gt;no")),
        ({"approved": False, "answered_via": "expiry"}, ("nobody: its time had passed",)),
    ],
)
def test_an_answered_question_says_by_whom_and_when(
    fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    page = bytes(build_answered_page(an_approval(answered_at=NOW, **fields)).body).decode()

    for each in (*words, "2026-11-29 12:00:00 UTC"):
        assert each in page
    assert "<form" not in page
