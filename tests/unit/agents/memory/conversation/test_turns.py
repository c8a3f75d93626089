"""Turns of a conversation, as they are stored and read back: pure."""

from typing import Any

import pytest

from agents.memory.conversation.turns import (
    MAX_EXCHANGE_CHARACTERS,
    build_answer_message,
    build_turns,
    list_given_exchange,
)
from protocol.records import StoredSessionMessage
from providers.chat import Attachment, Message, ReasoningReplay, ToolCall

CALL = ToolCall(id="c1", name="look", arguments='{"at": "x"}')
EXCHANGE = (
    Message(role="assistant", content="", tool_calls=(CALL,)),
    Message(role="tool", content="found", tool_call_id="c1"),
)


def stored(seq: int, role: str, content: str, exchange: Any = None) -> StoredSessionMessage:
    return StoredSessionMessage(seq=seq, role=role, content=content, exchange=exchange)


def test_what_was_stored_is_read_back() -> None:
    message = build_answer_message("It is x.", EXCHANGE)

    [turn] = build_turns(
        [stored(1, "user", "what?"), stored(2, "assistant", message.content, message.exchange)]
    )

    assert (turn.last, turn.question, turn.answer, turn.exchange) == (
        2,
        "what?",
        "It is x.",
        EXCHANGE,
    )


def test_reasoning_and_files_are_not_stored_and_long_results_are_cut() -> None:
    replay = ReasoningReplay(vendor="v", model="m", blocks=({"a": 1},))
    exchange = [
        Message(role="assistant", content="", tool_calls=(CALL,), replay=replay),
        Message(
            role="tool",
            content="x" * 2 * MAX_EXCHANGE_CHARACTERS,
            tool_call_id="c1",
            attachments=(Attachment(media_type="image/png", data=b"1"),),
        ),
    ]

    message = build_answer_message("done", exchange)

    assert message.exchange is not None
    [call, result] = message.exchange
    assert "replay" not in call
    assert "attachments" not in result
    assert len(str(result["content"])) < MAX_EXCHANGE_CHARACTERS + 100


def test_an_answer_that_calls_the_callers_tools_says_so_in_words() -> None:
    message = build_answer_message("", EXCHANGE[:1])

    assert message.content == "(calls look)"
    # Without the result no vendor takes the call.
    [turn] = build_turns([stored(1, "user", "q"), stored(2, "assistant", "x", message.exchange)])
    assert turn.exchange == ()


@pytest.mark.parametrize(
    "exchange",
    [
        "x",
        [1],
        [{"role": "tool", "content": "no call", "tool_call_id": "c9"}],
        [{"role": "king", "content": ""}],
        [{"role": "assistant", "content": "", "tool_calls": [{"id": 1}]}],
        [{"role": "tool", "content": "x"}],
    ],
)
def test_an_exchange_that_cannot_be_read_is_left_out(exchange: object) -> None:
    [turn] = build_turns([stored(1, "user", "q"), stored(2, "assistant", "a", exchange)])

    assert (turn.answer, turn.exchange) == ("a", ())


def test_a_page_that_begins_in_the_middle_of_a_turn_leaves_it_out() -> None:
    found = build_turns(
        [
            stored(2, "assistant", "half"),
            stored(3, "user", "one"),
            stored(4, "user", "two"),
            stored(5, "assistant", "a"),
            stored(6, "assistant", "b"),
            stored(7, "user", "unanswered"),
        ]
    )

    assert [(each.last, each.question, each.answer) for each in found] == [
        (6, "one\n\ntwo", "a\n\nb")
    ]


def test_empty_texts_are_not_sent_as_such() -> None:
    [turn] = build_turns([stored(1, "user", ""), stored(2, "assistant", "")])

    assert [each.content for each in turn.render()] == ["(no text)"] * 2


def test_results_that_the_caller_sends_belong_to_the_turn() -> None:
    call = {"role": "assistant", "tool_calls": [{"id": "c1", "name": "look", "arguments": "{}"}]}
    params = {
        "messages": [
            {"role": "user", "content": "earlier"},
            call,
            {"role": "tool", "tool_call_id": "c1", "content": "old"},
            {"role": "user", "content": "q"},
            call | {"content": None},
            {"role": "tool", "tool_call_id": "c1", "content": "new"},
        ]
    }

    found = list_given_exchange(params)

    assert [(each.role, each.content) for each in found] == [("assistant", ""), ("tool", "new")]
    assert list_given_exchange({}) == list_given_exchange({"messages": "x"}) == []
