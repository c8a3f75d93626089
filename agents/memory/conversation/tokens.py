"""An estimate of tokens without a tokenizer. Pure.

Each vendor counts with a tokenizer of its own, and most do not publish it. English prose has about
4.5 ASCII characters a token, code and JSON about 3.2, so 3.5 is too many for prose and may be too
few for dense code; of other scripts a token is about 2.5 bytes. docs/how-to/hold-conversations.md
has measurements. What an estimate misses, a model refuses; then a conversation is cut shorter.
`providers.calls.prepare` names the other estimates.
"""

from typing import Final

from providers.calls.prepare import estimate_file_tokens
from providers.chat import ChatRequest, Message

ASCII_CHARACTERS_PER_TOKEN: Final = 3.5
OTHER_BYTES_PER_TOKEN: Final = 2.5
TOKENS_OF_TURN: Final = 8
"""What vendors add to a message: its role and separators."""


def approximate_tokens(text: str) -> int:
    """Return the approximate number of tokens of a text."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size == len(text):
        return int(size / ASCII_CHARACTERS_PER_TOKEN) + 1
    plain = len(text.encode("ascii", "ignore"))
    others = (size - plain) / OTHER_BYTES_PER_TOKEN
    return int(plain / ASCII_CHARACTERS_PER_TOKEN + others) + 1


def estimate_message_tokens(message: Message) -> int:
    """Return the approximate number of tokens of a turn without its files."""
    calls = sum(approximate_tokens(call.name + call.arguments) for call in message.tool_calls)
    return TOKENS_OF_TURN + approximate_tokens(message.content) + calls


def estimate_request_tokens(request: ChatRequest) -> int:
    """Return the approximate number of tokens of all that the model reads."""
    texts = sum(map(approximate_tokens, request.iter_texts()))
    files = sum(map(estimate_file_tokens, request.iter_files()))
    return texts + files + TOKENS_OF_TURN * len(request.messages)
