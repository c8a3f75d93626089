"""Conversations of an executor: what is sent of them, and what is stored of a turn."""

from typing import Any
from uuid import uuid4

import pytest

from agents.memory.conversation import PostgresConversations, SessionKey, load_conversation
from agents.memory.conversation.trimming import LEFT_OUT
from protocol.records import ClaimedSubtask, FailureAction, SessionMessage, SessionSummary
from providers.chat import ChatRequest, TextDelta, ToolCall
from providers.errors import ContextTooLong
from tests.support.agents.executor_harness import ExecutorHarness
from tests.support.agents.subtasks import a_subtask
from tests.support.tools.loops import CALLS, LOCAL, TOKENS, LoopHarness, ScriptedRouter, calls, says

TOO_LONG = ContextTooLong("vendor", "the prompt is too long", status=400)


def a_chat(task: dict[str, Any] | None = None, **params: Any) -> ClaimedSubtask:
    return a_subtask(
        {"session_id": str(uuid4()), "prompt": "Which colour?"} | (task or {}),
        type="CHAT",
        lane=LOCAL,
        params={"generation_prompt": "Which colour?"} | params,
    )


def remember(harness: ExecutorHarness, count: int, size: int = 40) -> None:
    for number in range(1, count + 1):
        harness.store.memory += [
            SessionMessage(role="user", content=f"q{number}"),
            SessionMessage(role="assistant", content="a" * size),
        ]


def questions(request: ChatRequest) -> list[str]:
    return [each.content for each in request.messages if each.role == "user"]


@pytest.mark.parametrize(
    ("stated", "sent"), [("off", 0), (0, 0), (2, 2), (100, 5), (None, 5), (True, 5), ("x", 5)]
)
async def test_a_task_says_how_much_of_its_session_is_sent(stated: object, sent: int) -> None:
    harness = LoopHarness(says("Blue."))
    remember(harness, 5)

    await harness.execute(a_chat({"params": {"history": stated}}))

    [request] = harness.router.asked
    assert questions(request) == [f"q{n}" for n in range(6 - sent, 6)] + ["Which colour?"]


@pytest.mark.parametrize("has_tools", [False, True])
async def test_a_conversation_that_the_model_finds_too_long_is_sent_shorter(
    has_tools: bool,
) -> None:
    harness = LoopHarness([TOO_LONG], [TOO_LONG], says("Blue."))
    remember(harness, 40, size=500)

    completion = await harness.execute(a_chat(tools=["read"]) if has_tools else a_chat())

    assert completion.output["text"] == "Blue."
    sizes = [len(request.messages) for request in harness.router.asked]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes) == 3
    assert all(LEFT_OUT in request.messages[0].content for request in harness.router.asked)
    assert completion.usage is not None
    assert completion.usage.output_tokens == TOKENS.output


async def test_a_prompt_that_is_too_long_by_itself_fails_as_before() -> None:
    harness = LoopHarness(*[[TOO_LONG]] * 4)
    remember(harness, 40, size=500)

    failure = await harness.failure(a_chat())

    assert (failure.error.class_, failure.action) == ("context_too_long", FailureAction.REROUTE)
    assert len(harness.router.asked[-1].messages) == 1


async def test_an_answer_that_did_not_fit_is_asked_for_again_with_less() -> None:
    harness = LoopHarness([TextDelta("Bl"), TOKENS, TOO_LONG], says("Blue."))
    remember(harness, 40, size=500)
    claimed = a_chat()

    failure = await harness.failure(claimed)
    harness.router = ScriptedRouter([[], says("Blue.")])
    before = {"attempt": 1, "model_id": LOCAL, "error": {"class": "context_too_long"}}
    again = ClaimedSubtask.model_validate(
        claimed.model_dump() | {"attempt": 2, "history": [before]}
    )
    harness.router.asked.append(ChatRequest(model="", messages=()))
    await harness.execute(again)

    assert failure.action is FailureAction.RETRY
    assert failure.usage is not None
    assert failure.usage.output_tokens == TOKENS.output


async def test_the_calls_of_a_turn_are_stored_and_sent_with_it() -> None:
    harness = LoopHarness(calls('c1 read {"n": 1}'), says("It is 1."), says("Yes."))
    claimed = a_chat(tools=["read", "pay"])

    completion = await harness.execute(claimed)
    harness.store.memory += completion.messages
    harness.store.turns.clear()
    await harness.execute(a_chat(tools=["read", "pay"]))

    question, answer = completion.messages
    assert (question.content, answer.content) == ("Which colour?", "It is 1.")
    request = harness.router.asked[-1]
    roles = [each.role for each in request.messages]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    assert "done" in request.messages[2].content
    # A model that is offered none of these tools gets the texts.
    harness.router = ScriptedRouter([says("Yes.")])
    await harness.execute(a_chat())
    assert [each.role for each in harness.router.asked[-1].messages] == [
        "user",
        "assistant",
        "user",
    ]


CLIENT_TOOL = {"name": "look", "description": "looks", "parameters": {"type": "object"}}


async def test_a_turn_that_ends_with_a_call_of_the_caller_is_not_lost() -> None:
    harness = LoopHarness(calls("c1 look {}"), says("It is blue."), says("Bye."))
    first = await harness.execute(a_chat(client_tools=[CLIENT_TOOL]))
    harness.store.memory += first.messages
    harness.store.turns.clear()
    call = {"id": "c1", "name": "look", "arguments": "{}"}
    goes_on = a_chat(
        {"prompt": "(the result of look)"},
        client_tools=[CLIENT_TOOL],
        messages=[
            {"role": "user", "content": "Which colour?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "blue", "tool_call_id": "c1"},
        ],
    )

    second = await harness.execute(goes_on)
    harness.store.memory += second.messages
    harness.store.turns.clear()
    await harness.execute(a_chat({"prompt": "Bye"}, client_tools=[CLIENT_TOOL]))

    assert [each.content for each in first.messages] == ["Which colour?", "(calls look)"]
    assert [each["role"] for each in first.messages[1].exchange or ()] == ["assistant"]
    assert [each["role"] for each in second.messages[1].exchange or ()] == ["assistant", "tool"]
    last = harness.router.asked[-1].messages
    assert [each.role for each in last] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    [result] = [each for each in last if each.role == "tool"]
    assert (result.content, result.tool_call_id) == ("blue", "c1")


async def test_calls_that_nobody_answers_are_not_sent_as_calls() -> None:
    harness = LoopHarness(
        calls("c1 look {}", "c2 read {}", done=CALLS), says("Never mind."), says("x")
    )
    claimed = a_chat(client_tools=[CLIENT_TOOL], tools=["read"])
    first = await harness.execute(claimed)
    harness.store.memory += first.messages
    harness.store.turns.clear()

    await harness.execute(a_chat(client_tools=[CLIENT_TOOL], tools=["read"]))

    assert [each["role"] for each in first.messages[1].exchange or ()] == ["assistant", "tool"]
    request = harness.router.asked[-1]
    assert not any(each.tool_calls or each.tool_call_id for each in request.messages)
    assert questions(request) == ["Which colour?", "Which colour?"]


async def test_in_a_loop_less_of_the_conversation_fits_from_turn_to_turn() -> None:
    harness = LoopHarness(calls("c1 read {}"), says("done"))
    harness.tools.does["shop.read"] = "x" * 9_000
    remember(harness, 40, size=500)

    await harness.execute(a_chat(tools=["read"]))

    first, second = harness.router.asked
    assert len(second.messages) < len(first.messages)
    assert second.messages[-1].role == "tool"
    assert isinstance(second.messages[-2].tool_calls[0], ToolCall)


async def test_a_summary_is_sent_in_place_of_what_does_not_fit() -> None:
    harness = LoopHarness(says("Blue."))
    remember(harness, 60, size=500)
    harness.store.summary = SessionSummary(through=100, content="Ada likes blue")

    await harness.execute(a_chat())

    [request] = harness.router.asked
    assert "Ada likes blue" in request.messages[0].content
    assert request.messages[0].content.endswith("q51")


async def test_a_thousand_turns_are_within_the_budget_of_every_model() -> None:
    harness = ExecutorHarness()
    remember(harness, 1_000, size=1_000)
    session = SessionKey(owner=None, id=uuid4())

    found = await load_conversation(PostgresConversations(harness.store), session, tokens=32_000)

    assert len(found.turns) < 200
