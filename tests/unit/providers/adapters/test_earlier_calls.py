import pytest

from providers.adapters.earlier_calls import mend_earlier_calls
from providers.chat import CallRejection, ChatRequest, Message, ToolCall

REJECTION = CallRejection(reason="malformed", detail="The call cannot be read.")


def mended(call: ToolCall) -> ToolCall:
    turn = Message(role="assistant", content="", tool_calls=(call,))
    [after] = mend_earlier_calls(ChatRequest(model="m", messages=(turn,))).messages
    return after.tool_calls[0]


@pytest.mark.parametrize("arguments", ['{"a": 1}', "[1]", "7", "{}", " {} "])
def test_arguments_that_are_json_stay_as_they_are(arguments: str) -> None:
    call = ToolCall(id="a", name="f.g", arguments=arguments)

    assert mended(call) == call


@pytest.mark.parametrize("arguments", ["", "{", "{'a': 1}", "[" * 100_000])
def test_arguments_that_are_not_json_become_none(arguments: str) -> None:
    assert mended(ToolCall(id="a", name="f", arguments=arguments)).arguments == "{}"


@pytest.mark.parametrize(
    ("name", "sent"),
    [("f", "f"), ("", "unknown_tool"), ("look up!", "look_up_"), ("x" * 100, "x" * 64)],
)
def test_the_name_of_a_rejected_call_is_one_that_vendors_take(name: str, sent: str) -> None:
    call = ToolCall(id="a", name=name, arguments="<tool_call>", rejection=REJECTION)

    assert (mended(call).name, mended(call).arguments) == (sent, "{}")


def test_a_conversation_without_calls_is_not_copied() -> None:
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))

    assert mend_earlier_calls(request) is request
