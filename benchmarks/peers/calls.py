"""Call a model many times through one client, in the environment of that client.

usage: python calls.py CLIENT URL CONCURRENCY SECONDS open|stream|whole    (prints one JSON object)

Calls are started for SECONDS, and running ones are finished; `open` calls nothing and measures
imports and the creation of a client. The file is self-contained, since COGO is not installed there.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

PROMPT = "Write a function that adds two numbers, and say what it costs. " * 14
MESSAGES = [{"role": "user", "content": PROMPT}]
LEAST = 500
"""Characters of a complete answer."""
WARM_UP = 3
SECONDS = 120
"""Timeout of all clients, connecting included: 500 at once on a busy machine take more than 5 s."""

Ask = Callable[[], Awaitable[int]]
"""Make one call and return the number of characters of its answer."""


async def raw_httpx(url: str, *, stream: bool, connections: int) -> Ask:
    """Bytes and `json.loads`: the lower bound for Python."""
    import httpx

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    client = httpx.AsyncClient(base_url=url, timeout=SECONDS, limits=limits)
    body = {"model": "gpt-6.1-sol", "messages": MESSAGES, "stream": stream}

    async def whole() -> int:
        answer = await client.post("/openai/v1/chat/completions", json=body)
        return len(answer.json()["choices"][0]["message"]["content"])

    async def streamed() -> int:
        count = 0
        async with client.stream("POST", "/openai/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        count += len(choice["delta"].get("content") or "")
        return count

    return streamed if stream else whole


async def openai_sdk(url: str, *, stream: bool, connections: int) -> Ask:
    """Use the vendor's SDK as its README does."""
    import openai

    client: Any = openai.AsyncOpenAI(
        api_key="any", base_url=f"{url}/openai/v1", max_retries=0, timeout=SECONDS
    )

    async def whole() -> int:
        answer = await client.chat.completions.create(model="gpt-6.1-sol", messages=MESSAGES)
        return len(answer.choices[0].message.content)

    async def streamed() -> int:
        count = 0
        async for chunk in await client.chat.completions.create(
            model="gpt-6.1-sol",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        ):
            count += sum(len(choice.delta.content or "") for choice in chunk.choices)
        return count

    return streamed if stream else whole


async def openai_responses(url: str, *, stream: bool, connections: int) -> Ask:
    """Use the vendor's SDK for its newer API, which its README begins with."""
    import openai

    client: Any = openai.AsyncOpenAI(
        api_key="any", base_url=f"{url}/openai/v1", max_retries=0, timeout=SECONDS
    )
    body: dict[str, Any] = {"model": "gpt-6.1-sol", "input": MESSAGES, "store": False}

    async def whole() -> int:
        return len((await client.responses.create(**body)).output_text)

    async def streamed() -> int:
        count = 0
        async for event in await client.responses.create(**body, stream=True):
            if event.type == "response.output_text.delta":
                count += len(event.delta)
        return count

    return streamed if stream else whole


async def anthropic_sdk(url: str, *, stream: bool, connections: int) -> Ask:
    """Use the vendor's SDK as its README does."""
    import anthropic

    client: Any = anthropic.AsyncAnthropic(
        api_key="any", base_url=f"{url}/anthropic", max_retries=0, timeout=SECONDS
    )
    body: dict[str, Any] = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1000,
        "messages": MESSAGES,
    }

    async def whole() -> int:
        answer = await client.messages.create(**body)
        return len(answer.content[0].text)

    async def streamed() -> int:
        count = 0
        async for event in await client.messages.create(**body, stream=True):
            if event.type == "content_block_delta":
                count += len(event.delta.text)
        return count

    return streamed if stream else whole


async def litellm_function(url: str, *, stream: bool, connections: int) -> Ask:
    """`litellm.acompletion`, with usage requested."""
    import litellm  # type: ignore[import-not-found] # lives in an environment of its own

    options: dict[str, Any] = {
        "model": "openai/gpt-6.1-sol",
        "messages": MESSAGES,
        "api_key": "any",
        "api_base": f"{url}/openai/v1",
        "max_retries": 0,
        "timeout": SECONDS,
    }

    async def whole() -> int:
        answer = await litellm.acompletion(**options)
        return len(answer.choices[0].message.content)

    async def streamed() -> int:
        count = 0
        answer = await litellm.acompletion(
            **options, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in answer:
            count += sum(len(choice.delta.content or "") for choice in chunk.choices)
        return count

    return streamed if stream else whole


async def any_llm_kept(url: str, *, stream: bool, connections: int) -> Ask:
    """One `AnyLLM.create` client; the function form creates one per call."""
    from any_llm import AnyLLM  # type: ignore[import-not-found] # as above

    client: Any = AnyLLM.create(
        "openai", api_key="any", api_base=f"{url}/openai/v1", timeout=SECONDS
    )

    async def whole() -> int:
        answer = await client.acompletion(model="gpt-6.1-sol", messages=MESSAGES)
        return len(answer.choices[0].message.content)

    async def streamed() -> int:
        count = 0
        async for chunk in await client.acompletion(
            model="gpt-6.1-sol",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        ):
            count += sum(len(choice.delta.content or "") for choice in chunk.choices)
        return count

    return streamed if stream else whole


async def cogo_router(
    model: str, url: str, *, stream: bool, connections: int, chats: bool = False
) -> Ask:
    """COGO's router as an executor uses it; `whole` is for unwatched tasks."""
    from pydantic import SecretStr

    from benchmarks.peers.high_concurrency import build_router
    from providers.adapters.base import Timeouts
    from providers.catalogue.deployment import Credential
    from providers.chat import ChatRequest, Message
    from providers.chat_response import collect_response

    key = SecretStr("any")
    router = build_router(
        {
            "openai": Credential(key=key, base_url=f"{url}/openai/v1"),
            "anthropic": Credential(key=key, base_url=f"{url}/anthropic"),
        },
        connections,
        chats=chats,
    )
    await router.__aenter__()
    await router.open(model)
    gc.freeze()  # as `agents.executor.lanes` does: no collection during calls searches the imports
    request = ChatRequest(model="", messages=(Message(role="user", content=PROMPT),), stream=stream)
    timeouts = Timeouts(connect=timedelta(seconds=SECONDS), first_token=timedelta(seconds=SECONDS))

    async def ask() -> int:
        answer = await collect_response(router.stream(model, request, timeouts=timeouts))
        return len(answer.text)

    return ask


async def cogo_openai(url: str, *, stream: bool, connections: int) -> Ask:
    """Router, adapter and OpenAI's SDK, by the Responses API as usual."""
    return await cogo_router("gpt-6.1-sol", url, stream=stream, connections=connections)


async def cogo_chat(url: str, *, stream: bool, connections: int) -> Ask:
    """Use the same by chat completions, as most vendors are called."""
    return await cogo_router("gpt-6.1-sol", url, stream=stream, connections=connections, chats=True)


async def cogo_anthropic(url: str, *, stream: bool, connections: int) -> Ask:
    """Router, adapter and Anthropic's SDK."""
    return await cogo_router("claude-sonnet-5-5", url, stream=stream, connections=connections)


CLIENTS = {
    "httpx": raw_httpx,
    "openai": openai_sdk,
    "openai_responses": openai_responses,
    "anthropic": anthropic_sdk,
    "litellm": litellm_function,
    "any_llm": any_llm_kept,
    "cogo_openai": cogo_openai,
    "cogo_chat": cogo_chat,
    "cogo_anthropic": cogo_anthropic,
}


async def main(name: str, url: str, concurrency: int, seconds: float, how: str) -> dict[str, Any]:
    """Measure the calls after a warm-up."""
    begun, cpu = time.perf_counter(), time.process_time()
    ask = await CLIENTS[name](url, stream=how == "stream", connections=concurrency)
    opened = {
        "wall_ms": (time.perf_counter() - begun) * 1000,
        "cpu_ms": (time.process_time() - cpu) * 1000,
    }
    if how == "open":
        return opened | {"peak_mib": peak_mib()}
    for _ in range(WARM_UP):
        assert await ask() >= LEAST, "the answer is not whole"
    await asyncio.gather(*[ask() for _ in range(concurrency)])  # connections are made

    latencies = []

    async def repeat() -> None:
        while True:
            asked = time.perf_counter()
            assert await ask() >= LEAST, "the answer is not whole"
            now = time.perf_counter()
            latencies.append(now - asked)
            if now - begun > seconds:
                return

    begun, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(repeat())
    spent, used = time.perf_counter() - begun, time.process_time() - cpu
    ordered = sorted(latencies)
    return {
        "calls": len(ordered),
        "cpu_ms": used / len(ordered) * 1000,
        "wall_ms": ordered[len(ordered) // 2] * 1000,
        "rate": len(ordered) / spent,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """Return the peak memory of this process; `getrusage` would count the parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    client, address, many, limit, way = sys.argv[1:]
    print(json.dumps(asyncio.run(main(client, address, int(many), float(limit), way))))
