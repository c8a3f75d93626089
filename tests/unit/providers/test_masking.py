import pytest

from providers.chat import ChatRequest, Message, ToolCall
from providers.masking import MASK, mask_keys, masked

# Put together here, so that no scanner takes this file for a leak.
LONG = "Ab1" * 12
KEYS = [
    "sk-ant-" + LONG,
    "sk-proj-" + LONG,
    "sb_secret_" + LONG,
    "fw_" + LONG,
    "gsk_" + LONG,
    "pplx-" + LONG,
    "AIza" + LONG[:35],
    "AKIA" + "ABCDEFGH12345678",
    "ghp_" + LONG,
    "github_pat_" + LONG,
    "glpat-" + LONG,
    "xoxb-" + LONG,
    "sk_live_" + LONG,
    "eyJ" + LONG + ".eyJ" + LONG + "." + LONG,
    "-----BEGIN RSA " + "PRIVATE KEY-----\\nMII\\n-----END RSA " + "PRIVATE KEY-----",
]


@pytest.mark.parametrize("key", KEYS, ids=[key[:8] for key in KEYS])
def test_a_key_is_masked_wherever_it_stands(key: str) -> None:
    assert mask_keys(f'client = Client("{key}")') == (f'client = Client("{MASK}")', 1)


@pytest.mark.parametrize(
    "text",
    [
        "def task_live_key(sk): return sk - 1",
        "the risk-free-rate-of-return-in-the-model",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "import hf_hub; x = 'sk-'",
        "https://example.com/eyJhbGciOi",
    ],
)
def test_ordinary_code_is_left_alone(text: str) -> None:
    assert mask_keys(text) == (text, 0)


def test_every_part_of_a_request_is_masked_and_counted() -> None:
    key = KEYS[0]
    call = ToolCall(id="1", name="f", arguments=f'{{"k": "{key}"}}')
    request = ChatRequest(
        model="m",
        system=f"use {key}",
        messages=(
            Message(role="user", content=f"{key} and {key}"),
            Message(role="assistant", content="", tool_calls=(call,)),
        ),
    )

    sent, found = masked(request)

    assert found == 4
    assert key not in repr(sent)
    assert masked(sent) == (sent, 0)
