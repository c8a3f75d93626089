"""A minimal server with the vendors' wire formats, in its own process.

usage: python -m benchmarks.vendor_server    (prints its port, ends with its standard input)

An answer has 540 characters, streamed in 100 chunks without waiting. Below `/slow` a stream takes
some seconds, so that many can be open at once. Below `/clock/<n>x<m>` a stream of chat completions
has n chunks, pauses for m milliseconds after each, and contains times: when the request was read,
then when each chunk was sent, as seconds since 1970 followed by a space.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Final

CHUNKS: Final = 100
PIECE: Final = "words "
TEXT: Final = (PIECE * CHUNKS)[:540]
SLOW_SECONDS: Final = 10.0
USAGE: Final = {"prompt_tokens": 200, "completion_tokens": CHUNKS, "total_tokens": 200 + CHUNKS}


def _json_answer(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _event(body: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(body)}\n\n".encode()


def _openai_chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-6.1-sol",
            "choices": [choice],
        }
        | more
    )


OPENAI: Final = _json_answer(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-6.1-sol",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
)
OPENAI_STREAM: Final = (
    _openai_chunk({"role": "assistant", "content": ""}),
    *[_openai_chunk({"content": PIECE})] * CHUNKS,
    _openai_chunk({}, "stop"),
    _openai_chunk({}, choices=[], usage=USAGE) + b"data: [DONE]\n\n",
)
_MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "stop_sequence": None,
}
ANTHROPIC: Final = _json_answer(
    _MESSAGE
    | {
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 200, "output_tokens": CHUNKS},
    }
)
_DELTA: Final = {"type": "text_delta", "text": PIECE}
ANTHROPIC_STREAM: Final = (
    _event(
        {
            "type": "message_start",
            "message": _MESSAGE
            | {
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 200, "output_tokens": 1},
            },
        },
        "message_start",
    )
    + _event(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        "content_block_start",
    ),
    *[_event({"type": "content_block_delta", "index": 0, "delta": _DELTA}, "content_block_delta")]
    * CHUNKS,
    _event({"type": "content_block_stop", "index": 0}, "content_block_stop")
    + _event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": CHUNKS},
        },
        "message_delta",
    )
    + _event({"type": "message_stop"}, "message_stop"),
)


def _response_event(kind: str, **more: Any) -> bytes:
    return _event({"type": kind, "sequence_number": 1} | more, kind)


_PART: Final[dict[str, Any]] = {"type": "output_text", "annotations": [], "logprobs": []}
_ITEM: Final[dict[str, Any]] = {"id": "msg_1", "type": "message", "role": "assistant"}
_WHOLE_PART: Final = _PART | {"text": TEXT}
_WHOLE_ITEM: Final = _ITEM | {"status": "completed", "content": [_WHOLE_PART]}
_BEGUN: Final[dict[str, Any]] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "in_progress",
    "model": "gpt-6.1-sol",
    "output": [],
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "usage": None,
}
_RESPONSE: Final = _BEGUN | {
    "status": "completed",
    "output": [_WHOLE_ITEM],
    "usage": {
        "input_tokens": 200,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": CHUNKS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 200 + CHUNKS,
    },
}
_AT: Final = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
RESPONSES: Final = _json_answer(_RESPONSE)
RESPONSES_STREAM: Final = (
    _response_event("response.created", response=_BEGUN)
    + _response_event("response.in_progress", response=_BEGUN)
    + _response_event(
        "response.output_item.added",
        output_index=0,
        item=_ITEM | {"status": "in_progress", "content": []},
    )
    + _response_event("response.content_part.added", **_AT, part=_PART | {"text": ""}),
    *[_response_event("response.output_text.delta", **_AT, delta=PIECE, logprobs=[])] * CHUNKS,
    _response_event("response.output_text.done", **_AT, text=TEXT, logprobs=[])
    + _response_event("response.content_part.done", **_AT, part=_WHOLE_PART)
    + _response_event("response.output_item.done", output_index=0, item=_WHOLE_ITEM)
    + _response_event("response.completed", response=_RESPONSE),
)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            await _answer(reader, writer)
    writer.close()


_ANSWERS: Final = {
    b"messages": (ANTHROPIC, ANTHROPIC_STREAM),
    b"responses": (RESPONSES, RESPONSES_STREAM),
}
"""By the last part of the path; others get chat completions."""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    body = await reader.readexactly(int(length or b"0"))
    path = head.split(b" ", 2)[1]
    whole, stored = _ANSWERS.get(path.rpartition(b"/")[2], (OPENAI, OPENAI_STREAM))
    if not json.loads(body).get("stream"):
        head_ = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        writer.write(head_ % len(whole) + whole)
        await writer.drain()
        return
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    pieces: Iterable[bytes] = stored
    pause = SLOW_SECONDS / len(stored) if path.startswith(b"/slow") else 0.0
    if path.startswith(b"/clock/"):
        count, milliseconds = map(int, path.split(b"/")[2].split(b"x"))
        pieces, pause = _clock(count), milliseconds / 1000
    for piece in pieces:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(pause)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _clock(count: int) -> Iterator[bytes]:
    said = f"{time.time():.6f} "
    yield OPENAI_STREAM[0]
    for _ in range(count):
        yield _openai_chunk({"content": f"{said}{time.time():.6f} "})
        said = ""
    yield from OPENAI_STREAM[-2:]


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


@contextlib.asynccontextmanager
async def running_server() -> AsyncIterator[str]:
    """Run the server in its own process and yield its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.vendor_server",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_main())
