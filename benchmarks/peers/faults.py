"""Inject every fault into one client with a fallback, in the environment of that client.

usage: python faults.py CLIENT SIMULATOR_URL SECONDS FAULT...    (prints one JSON list)

The file is self-contained, since COGO is not installed there. SECONDS is the client's timeout.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

PRIMARY = "gpt-6.1-sol"
FALLBACK = "gpt-6-luna"
END = "```"
"""The simulator's answers end with a code block."""

Ask = Callable[[str], Awaitable[tuple[str, str | None]]]
"""Send a prompt and return the text and the finish reason."""


def litellm_router(url: str, seconds: float) -> Ask:
    """`litellm.Router` with two retries and a healthy fallback."""
    import litellm  # type: ignore[import-not-found] # lives in an environment of its own

    def entry(name: str) -> dict[str, Any]:
        options = {"model": f"openai/{name}", "api_key": "any", "api_base": f"{url}/openai/v1"}
        return {"model_name": name, "litellm_params": options}

    router: Any = litellm.Router(
        model_list=[entry(PRIMARY), entry(FALLBACK)],
        fallbacks=[{PRIMARY: [FALLBACK]}],
        num_retries=2,
        timeout=seconds,
        stream_timeout=seconds,
    )

    async def ask(prompt: str) -> tuple[str, str | None]:
        text, finish = "", None
        async for chunk in await router.acompletion(
            model=PRIMARY, messages=[{"role": "user", "content": prompt}], stream=True
        ):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        return text, finish

    return ask


def any_llm_kept(url: str, seconds: float) -> Ask:
    """`AnyLLM.create`, which has no fallback; its SDK retries twice."""
    from any_llm import AnyLLM  # type: ignore[import-not-found] # as above

    client: Any = AnyLLM.create(
        "openai", api_key="any", api_base=f"{url}/openai/v1", timeout=seconds
    )

    async def ask(prompt: str) -> tuple[str, str | None]:
        text, finish = "", None
        async for chunk in await client.acompletion(
            model=PRIMARY, messages=[{"role": "user", "content": prompt}], stream=True
        ):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        return text, finish

    return ask


CLIENTS = {"litellm": litellm_router, "any_llm": any_llm_kept}


async def main(name: str, url: str, seconds: float, faults: list[str]) -> list[dict[str, Any]]:
    """Print one row per fault."""
    ask = CLIENTS[name](url, seconds)
    whole, _ = await ask("Write fibonacci")
    rows = []
    for number, fault in enumerate(faults):
        begun = time.perf_counter()
        row: dict[str, Any] = {"fault": fault, "error": None}
        try:
            text, finish = await ask(f"Write fibonacci [[fault:{fault} times=1]] {name}{number}")
            row |= {"whole": text.count(END) == whole.count(END), "finish": finish}
        except Exception as error:  # whatever it raises is what its user sees
            row |= {"whole": False, "finish": None, "error": type(error).__name__}
        rows.append(row | {"seconds": round(time.perf_counter() - begun, 2)})
    return rows


if __name__ == "__main__":
    client, address, limit, *asked = sys.argv[1:]
    print(json.dumps(asyncio.run(main(client, address, float(limit), asked))))
